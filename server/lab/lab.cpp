#include "server/lab/lab.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/context.hpp>
#include <charconv>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "server/lab/worker.hpp"

namespace sluice::lab {

struct Lab::Impl {
    Shared shared;
    std::optional<asio::ssl::context> tls;
    std::vector<std::unique_ptr<Worker>> workers;  // before what they use is gone
    std::vector<std::thread> threads;
};

namespace {

using tcp = asio::ip::tcp;

std::expected<tcp::endpoint, std::string> parse_listen(std::string const& text) {
    auto colon = text.rfind(':');
    auto wrong = std::unexpected("`" + text + "` is not address:port, like 127.0.0.1:18080");
    if (colon == std::string::npos) return wrong;
    std::uint16_t port = 0;
    auto const* end = text.data() + text.size();
    auto [at, failure] = std::from_chars(text.data() + colon + 1, end, port);
    auto host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    boost::system::error_code bad_address;
    auto address = asio::ip::make_address(host, bad_address);
    if (bad_address || failure != std::errc{} || at != end) return wrong;
    return tcp::endpoint(address, port);
}

void load_tls(std::optional<asio::ssl::context>& tls, LabOptions const& options) {
    if (!options.tls_certificate_file) return;
    tls.emplace(asio::ssl::context::tls_server);
    tls->use_certificate_chain_file(*options.tls_certificate_file);
    tls->use_private_key_file(options.tls_key_file.value_or(*options.tls_certificate_file), asio::ssl::context::pem);
}

}  // namespace

Lab::Lab(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Lab::~Lab() { stop(); }

std::expected<std::unique_ptr<Lab>, std::string> Lab::start(LabOptions const& options) {
    auto endpoint = parse_listen(options.listen);
    if (!endpoint) return std::unexpected(std::move(endpoint.error()));
    auto impl = std::make_unique<Impl>();
    auto scenarios = Scenarios::load(options.scenario_file);
    if (!scenarios) return std::unexpected(std::move(scenarios.error()));
    impl->shared.scenarios = *std::move(scenarios);
    if (!options.provider_folder.empty()) {
        auto providers = read_providers(options.provider_folder);
        if (!providers) return std::unexpected(std::move(providers.error()));
        impl->shared.providers = *std::move(providers);
    }
    impl->shared.seed = options.seed;
    if (auto set = impl->shared.listener.set(impl->shared.scenarios->listener()); !set)
        return std::unexpected(std::move(set.error()));
    try {
        load_tls(impl->tls, options);
        for (unsigned i = 0; i < std::clamp(options.threads, 1U, 256U); ++i) {
            auto* tls = impl->tls ? &*impl->tls : nullptr;
            impl->workers.push_back(std::make_unique<Worker>(impl->shared, tls));
            impl->workers.back()->listen(*endpoint);
            *endpoint = impl->workers.front()->endpoint();  // where port 0 was asked, all share the first one's
        }
    } catch (std::exception const& error) {
        return std::unexpected(options.listen + ": " + error.what());
    }
    auto& workers = impl->workers;
    impl->shared.listener.on_refusal([&workers](Duration time) {
        for (auto& worker : workers) worker->refuse_for(time);
    });
    for (auto& worker : workers) impl->threads.emplace_back([&worker = *worker] { worker.run(); });
    return std::unique_ptr<Lab>(new Lab(std::move(impl)));
}

std::uint16_t Lab::port() const { return impl_->workers.front()->endpoint().port(); }

void Lab::stop() {
    for (auto& worker : impl_->workers) worker->stop();
    for (auto& thread : impl_->threads)
        if (thread.joinable()) thread.join();
}

}  // namespace sluice::lab

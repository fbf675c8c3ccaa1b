#include "server/upstream/resolver.hpp"

#include <algorithm>

namespace sluice::upstream {
namespace asio = boost::asio;

namespace {
constexpr seconds fresh_for{30};
constexpr seconds failed_for{1};
constexpr std::chrono::minutes too_old_after{5};
}  // namespace

struct Resolver::Entry {
    Addresses addresses;
    std::string failure;
    Instant renew_at = Instant::min();
    Instant too_old_at = Instant::min();
    bool resolving = false;
    std::vector<net::Waiter*> waiting;
};

Resolver::Resolver(net::Worker& worker) : worker_(worker), resolver_(worker.executor()) {}
Resolver::~Resolver() = default;

Task<Result<Resolver::Addresses>> Resolver::resolve(std::string const& host, Instant until,
                                                    Cancellation& cancellation) {
    boost::system::error_code not_literal;
    auto const literal = asio::ip::make_address(host, not_literal);
    if (!not_literal) co_return Addresses{literal};

    auto& slot = entries_[host];
    if (!slot) slot = std::make_shared<Entry>();
    auto const entry = slot;
    if (worker_.now() >= entry->renew_at && !entry->resolving) start(host, entry);
    bool const known = !entry->addresses.empty();
    if (known && (worker_.now() < entry->too_old_at || !entry->resolving)) co_return entry->addresses;
    if (entry->resolving) {
        net::Waiter waiter(worker_.wheel());
        entry->waiting.push_back(&waiter);
        net::Wake woken{};
        {
            Cancellation::Hook hook(cancellation, [&waiter] { waiter.wake(net::Wake::cancelled); });
            woken = co_await waiter.wait(until);
        }
        std::erase(entry->waiting, &waiter);
        if (woken == net::Wake::cancelled) co_return std::unexpected(net::cancelled_error(cancellation));
        if (woken == net::Wake::expired && entry->addresses.empty()) {
            co_return std::unexpected(
                Error{.kind = ErrorKind::upstream_unavailable, .detail = "resolving " + host + " took too long"});
        }
        if (!entry->addresses.empty()) co_return entry->addresses;
    }
    co_return std::unexpected(
        Error{.kind = ErrorKind::upstream_unavailable, .detail = "can't resolve " + host + ": " + entry->failure});
}

void Resolver::start(std::string const& host, std::shared_ptr<Entry> const& entry) {
    entry->resolving = true;
    auto finished = [entry, this](boost::system::error_code error, auto const& results) {
        entry->resolving = false;
        if (error == asio::error::operation_aborted) return;
        Addresses found;
        for (auto const& result : results) found.push_back(result.endpoint().address());
        auto const now = worker_.now();
        if (!found.empty()) {
            entry->addresses = std::move(found);
            entry->too_old_at = now + too_old_after;
        }
        entry->failure = error.message();
        entry->renew_at = now + (error ? failed_for : fresh_for);
        while (!entry->waiting.empty()) {  // one by one: who wakes up may end others that wait
            auto* const first = entry->waiting.front();
            entry->waiting.erase(entry->waiting.begin());
            first->wake(net::Wake::ready);
        }
    };
    resolver_.async_resolve(host, "", std::move(finished));
}

}  // namespace sluice::upstream

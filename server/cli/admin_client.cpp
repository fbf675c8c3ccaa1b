#include "server/cli/admin_client.hpp"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "server/admin/routes.hpp"
#include "server/cli/exit_code.hpp"
#include "server/cli/http_client.hpp"
#include "server/cli/settings_file.hpp"
#include "server/store/open_store.hpp"

namespace sluice::cli {
namespace {

class HttpClient final : public AdminClient {
public:
    HttpClient(std::string url, std::string token) : url_(std::move(url)), token_(std::move(token)) {}

    Result<AdminAnswer> ask(std::string const& method, std::string const& path, std::string const& body) override {
        ClientCall request{.method = method, .url = url_ + path, .body = body};
        if (!token_.empty()) request.headers["authorization"] = "Bearer " + token_;
        if (!body.empty()) request.headers["content-type"] = "application/json";
        AdminAnswer answer;
        SLUICE_TRY(auto const head, call(request, [&answer](std::string_view piece) { answer.body += piece; }));
        answer.status = head.status;
        return answer;
    }

private:
    std::string url_;
    std::string token_;
};

/// The file and the database as a gateway with this configuration would see them.
class DatabaseClient final : public AdminClient {
public:
    DatabaseClient(Settings settings, std::unique_ptr<store::Store> store)
        : settings_(std::make_shared<Settings const>(std::move(settings))),
          store_(std::move(store)),
          directory_(store_.get()),
          changes_(*store_, directory_) {}

    Result<> open() {
        SLUICE_TRY(auto view, directory_.preview(*settings_));
        directory_.adopt(*settings_, std::move(view));
        return {};
    }

    Result<AdminAnswer> ask(std::string const& method, std::string const& path, std::string const& body) override {
        admin::AdminParts const parts{.settings = [this] { return settings_; },
                                      .directory = &directory_,
                                      .changes = &changes_,
                                      .ledger = store_.get()};
        auto const mark = path.find('?');
        admin::Request const request{
            .method = method,
            .path = std::string_view(path).substr(0, mark),
            .query = mark == std::string::npos ? std::string_view() : std::string_view(path).substr(mark + 1),
            .body = body,
            .now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())};
        auto answer = admin::answer(parts, {.name = "command line", .all = true}, request);
        return AdminAnswer{.status = answer.status, .body = std::move(answer.body)};
    }

private:
    std::shared_ptr<Settings const> settings_;
    std::unique_ptr<store::Store> store_;
    keys::KeyDirectory directory_;
    keys::KeyChanges changes_;
};

std::string reason_of(Error const& error) { return error.detail.empty() ? error.message.str() : error.detail.str(); }

/// Nothing: it can't be read.
std::optional<std::string> token_of(AdminAddress const& address) {
    if (!address.token_file.empty()) {
        std::ifstream in(address.token_file, std::ios::binary);
        if (!in) {
            fmt::print(stderr, "sluice: can't read {}\n", address.token_file);
            return std::nullopt;
        }
        std::string token(std::istreambuf_iterator<char>(in), {});
        while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
        return token;
    }
    if (!address.token.empty() || address.config_file.empty()) return address.token;
    auto const settings = load_settings(address.config_file);
    if (!settings) return std::nullopt;
    return std::string(settings->admin.token.expose());
}

std::unique_ptr<AdminClient> connect_http(AdminAddress const& address, int& exit_code) {
    auto token = token_of(address);
    if (!token) exit_code = exit_configuration;
    if (!token) return nullptr;
    auto url = address.admin_url;
    while (url.ends_with('/')) url.pop_back();
    return std::make_unique<HttpClient>(std::move(url), *std::move(token));
}

std::unique_ptr<AdminClient> open_database(AdminAddress const& address, DatabaseNeed need, int& exit_code) {
    exit_code = exit_configuration;
    auto const file = find_configuration(address.config_file);
    if (file.empty()) {
        exit_code = exit_usage;
        fmt::print(stderr, "sluice: --admin or --config is needed: there is no sluice.yaml here\n");
        return nullptr;
    }
    auto settings = load_settings(file);
    if (!settings) return nullptr;
    if (!settings->storage.enabled) {
        fmt::print(stderr, "sluice: this configuration keeps no keys: write `storage: {{}}`, or use --hash-only\n");
        return nullptr;
    }
    auto const opener = need == DatabaseNeed::make ? store::OpenedBy::gateway : store::OpenedBy::command;
    auto store = store::open_store(settings->storage.database.expose(), opener);
    if (!store) {
        exit_code = exit_unavailable;
        fmt::print(stderr, "sluice: {}\n", reason_of(store.error()));
        return nullptr;
    }
    auto client = std::make_unique<DatabaseClient>(*std::move(settings), *std::move(store));
    if (auto const opened = client->open(); !opened) {
        fmt::print(stderr, "sluice: {}\n", reason_of(opened.error()));
        return nullptr;
    }
    return client;
}

}  // namespace

std::unique_ptr<AdminClient> connect_admin(AdminAddress const& address, DatabaseNeed need, int& exit_code) {
    if (!address.admin_url.empty()) return connect_http(address, exit_code);
    return open_database(address, need, exit_code);
}

}  // namespace sluice::cli

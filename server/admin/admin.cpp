#include "server/admin/admin.hpp"

#include <array>

#include "core/types/network.hpp"
#include "server/explain/explain.hpp"
#include "server/http/body_reader.hpp"

namespace sluice::admin {
namespace {

constexpr std::string_view json_type = "application/json";

bool is_api(std::string_view path) { return path == "/admin" || path.starts_with("/admin/"); }

/// Sent as it is matched: no doubled slash, no slash at its end.
bool is_literal(http::ServerRequest const& request) {
    auto const target = request.head.target;
    return target.substr(0, target.find('?')) == request.path.path;
}

bool is_here(std::string_view peer) {
    constexpr Network four{.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 127}, .prefix = 104};
    constexpr Network six{.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    return contains(four, peer) || contains(six, peer);
}

/// Of chances that no seed fixes; as many bits as a JavaScript number holds.
std::uint64_t draw(Instant now) {
    auto const mixed = static_cast<std::uint64_t>(now.time_since_epoch().count()) * 0x9E3779B97F4A7C15U;
    return mixed >> 11U;
}

}  // namespace

Admin::Page Admin::page_at(std::string_view path, bool is_read) const {
    Page page{.status = 404, .text = "no such page: try /metrics, /healthz, /readyz, or /admin/openapi.json\n"};
    // Alive means that this answers; it never depends on an upstream or a store.
    if (path == "/healthz") page = {.text = "ok\n"};
    if (path == "/readyz" || path == "/startupz") {
        page = {.text = "ready\n"};
        if (!condition_.ready) page = {.status = 503, .text = "starting\n"};
        if (condition_.draining) page = {.status = 503, .text = "draining\n"};
    }
    if (path == "/metrics") page = {.type = observe::metrics_content_type, .text = metrics_.expose()};
    if (!is_read && page.status != 404) {
        page = {.status = 405, .text = "GET or HEAD only\n", .allow = "GET, HEAD"};
    }
    return page;
}

Admin::Admin(observe::Metrics& metrics, Condition const& condition, InForce const& in_force, DialectLookup dialects,
             LimitSettings limits)
    : metrics_(metrics),
      condition_(condition),
      in_force_(in_force),
      dialects_(std::move(dialects)),
      limits_(limits),
      tokens_(std::make_shared<Tokens const>(AdminSettings())) {
    use({});
}

void Admin::use(AdminParts parts) {
    parts_ = std::move(parts);
    parts_.settings = [this] {
        auto const snapshot = in_force_.get();
        return std::shared_ptr<Settings const>(snapshot, &snapshot->settings());
    };
    parts_.explain = [this](explain::Question const& question) {
        auto const now = std::chrono::steady_clock::now();
        explain::Moment const moment{.now = now, .time = std::chrono::system_clock::now(), .draw = draw(now)};
        return explain::explain(question, *in_force_.get(), dialects_, moment, parts_.limits);
    };
}

void Admin::configure(AdminSettings const& settings) {
    auto tokens = std::make_shared<Tokens const>(settings);
    std::lock_guard const lock(mutex_);
    tokens_ = std::move(tokens);
}

std::shared_ptr<Tokens const> Admin::tokens() const {
    std::lock_guard const lock(mutex_);
    return tokens_;
}

std::optional<Answer> Admin::refuse(Route const& route, std::optional<keys::Grantor> const& who, Tokens const& tokens,
                                    std::string_view peer) const {
    if (!tokens.empty() || route.needs == Power::none) return admin::refuse(route, who);
    if (route.path == "/admin/explain" && is_here(peer)) return std::nullopt;
    return error_answer({.kind = ErrorKind::permission_denied,
                         .message = "the admin API is closed: write `admin: { token: ... }` into the configuration"});
}

/// Nothing of a request's body is read before its token is known to be good.
Task<Admin::Page> Admin::api(http::ServerRequest& request) const {
    auto const page_of = [](Answer answer) {
        return Page{.status = answer.status,
                    .type = json_type,
                    .text = std::move(answer.body) + "\n",
                    .allow = std::move(answer.allow)};
    };
    if (!is_literal(request)) {
        co_return page_of(
            error_answer({.kind = ErrorKind::unknown_route, .message = "the admin API has no such path"}));
    }
    auto const found = find_route(request.head.method, request.path.path);
    if (found.route == nullptr) co_return page_of(found.refusal);
    auto const known = tokens();
    std::optional<keys::Grantor> who;
    if (request.head.count("authorization") == 1) who = known->identify(request.head.find("authorization"));
    if (auto refusal = refuse(*found.route, who, *known, request.peer)) co_return page_of(*std::move(refusal));
    auto const body = co_await request.body.read(limits_);
    if (!body) {
        request.reply.close_afterwards();
        co_return page_of(error_answer(body.error()));
    }
    auto const now = std::chrono::floor<milliseconds>(request.started_at);
    Request const asked{.method = request.head.method,
                        .path = request.path.path,
                        .query = request.path.query,
                        .body = *body,
                        .now = now};
    co_return page_of(answer(parts_, found, who.value_or(keys::Grantor()), asked));
}

Task<> Admin::handle(http::ServerRequest& request) {
    auto const path = request.path.path;
    auto const method = request.head.method;
    Page page;
    if (is_api(path)) {
        page = co_await api(request);
    } else {
        page = page_at(path, method == "GET" || method == "HEAD");
    }
    Headers headers;
    if (!page.allow.empty()) headers.add("allow", page.allow);
    headers.add("content-type", page.type);
    headers.add("cache-control", "no-store");
    if (!request.body.drainable()) request.reply.close_afterwards();
    std::array const pieces{std::string_view(page.text)};
    std::ignore = co_await request.reply.answer(page.status, headers, pieces);
}

}  // namespace sluice::admin

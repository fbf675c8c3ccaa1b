#include "server/admin/admin.hpp"

#include <array>

#include "server/http/body_reader.hpp"

namespace sluice::admin {
namespace {

struct Page {
    int status = 200;
    std::string_view type = "text/plain; charset=utf-8";
    std::string text;
};

Page readiness(Condition const& condition) {
    if (condition.draining) return {.status = 503, .text = "draining\n"};
    if (!condition.ready) return {.status = 503, .text = "starting\n"};
    return {.text = "ready\n"};
}

}  // namespace

Task<> Admin::handle(http::ServerRequest& request) {
    auto const path = request.path.path;
    bool const read_only = request.head.method == "GET" || request.head.method == "HEAD";
    Page page{.status = 404, .text = "no such page: try /metrics, /healthz or /readyz\n"};
    // Alive means that this answers; it never depends on an upstream or a store.
    if (path == "/healthz") page = {.text = "ok\n"};
    if (path == "/readyz" || path == "/startupz") page = readiness(condition_);
    if (path == "/metrics") page = {.type = observe::metrics_content_type, .text = metrics_.expose()};
    Headers headers;
    if (!read_only && page.status != 404) {
        page = {.status = 405, .text = "GET or HEAD only\n"};
        headers.push_back({"allow", "GET, HEAD"});
    }
    headers.push_back({"content-type", std::string(page.type)});
    headers.push_back({"cache-control", "no-store"});
    if (!request.body.drainable()) request.reply.close_afterwards();
    std::array const pieces{std::string_view(page.text)};
    std::ignore = co_await request.reply.answer(page.status, headers, pieces);
}

}  // namespace sluice::admin

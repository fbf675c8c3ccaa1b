#include "server/admin/admin.hpp"

#include <array>

#include "server/explain/explain.hpp"
#include "server/http/body_reader.hpp"

namespace sluice::admin {
namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::string_view explain_path = "/admin/explain";

/// Of chances that no seed fixes; as many bits as a JavaScript number holds.
std::uint64_t draw(Instant now) {
    auto const mixed = static_cast<std::uint64_t>(now.time_since_epoch().count()) * 0x9E3779B97F4A7C15U;
    return mixed >> 11U;
}

}  // namespace

Admin::Page Admin::page_at(std::string_view path, bool is_read) const {
    Page page{.status = 404, .text = "no such page: try /metrics, /healthz, /readyz, or POST to /admin/explain\n"};
    // Alive means that this answers; it never depends on an upstream or a store.
    if (path == "/healthz") page = {.text = "ok\n"};
    if (path == "/readyz" || path == "/startupz") {
        page = {.text = "ready\n"};
        if (!condition_.ready) page = {.status = 503, .text = "starting\n"};
        if (condition_.draining) page = {.status = 503, .text = "draining\n"};
    }
    if (path == "/metrics") page = {.type = observe::metrics_content_type, .text = metrics_.expose()};
    if (path == explain_path) page = {.status = 405, .text = "POST only\n", .allow = "POST"};
    if (!is_read && page.status != 404 && page.status != 405) {
        page = {.status = 405, .text = "GET or HEAD only\n", .allow = "GET, HEAD"};
    }
    return page;
}

Task<Admin::Page> Admin::explain(http::ServerRequest& request) const {
    auto const body = co_await request.body.read(limits_);
    if (!body) {
        request.reply.close_afterwards();
        co_return Page{.status = status_of(body.error()), .type = json_type, .text = to_error_body(body.error())};
    }
    auto const snapshot = in_force_.get();
    explain::Moment const moment{
        .now = request.received_at, .time = request.started_at, .draw = draw(request.received_at)};
    auto question = explain::read_question(*body);
    auto answer = question ? explain::explain(*question, *snapshot, dialects_, moment)
                           : Result<std::string>(std::unexpected(question.error()));
    if (!answer) {
        co_return Page{.status = status_of(answer.error()), .type = json_type, .text = to_error_body(answer.error())};
    }
    co_return Page{.type = json_type, .text = *std::move(answer) + "\n"};
}

Task<> Admin::handle(http::ServerRequest& request) {
    auto const path = request.path.path;
    auto const method = request.head.method;
    bool const asks = path == explain_path && method == "POST";
    Page page;
    if (asks) {
        page = co_await explain(request);
    } else {
        page = page_at(path, method == "GET" || method == "HEAD");
    }
    Headers headers;
    if (!page.allow.empty()) headers.push_back({"allow", std::string(page.allow)});
    headers.push_back({"content-type", std::string(page.type)});
    headers.push_back({"cache-control", "no-store"});
    if (!request.body.drainable()) request.reply.close_afterwards();
    std::array const pieces{std::string_view(page.text)};
    std::ignore = co_await request.reply.answer(page.status, headers, pieces);
}

}  // namespace sluice::admin

#include "server/api/cors.hpp"
#include "tests/unit/http_session/gateway.hpp"

namespace sluice::testing {
namespace {

std::string answer_to(std::vector<std::string> origins, std::string const& request) {
    Gateway gateway;
    ServerSettings settings;
    settings.cors_origins = std::move(origins);
    gateway.handler.before = [&settings](http::ServerRequest& seen) { return api::apply_cors(seen, settings); };
    auto client = gateway.connect();
    client.send(request);
    return client.read_until("\r\n\r\n");
}

bool has(std::string const& answer, std::string const& field) {
    return answer.find("\r\n" + field + "\r\n") != std::string::npos;
}

std::string preflight(std::string const& more) { return "OPTIONS /v1/models HTTP/1.1\r\nhost: h\r\n" + more + "\r\n"; }

TEST_CASE("a preflight from an allowed origin is answered with what it asked for", "[cors]") {
    auto const allowed = GENERATE(std::vector<std::string>{"https://app.example"}, std::vector<std::string>{"*"},
                                  std::vector<std::string>{"https://other", "https://app.example"});
    auto const answer =
        answer_to(allowed, preflight("origin: https://app.example\r\naccess-control-request-method: POST\r\n"
                                     "access-control-request-headers: authorization,x-stainless-os\r\n"));
    CHECK(answer.starts_with("HTTP/1.1 204 "));
    CHECK(has(answer, "access-control-allow-origin: https://app.example"));
    CHECK(has(answer, "access-control-allow-headers: authorization,x-stainless-os"));
    CHECK(has(answer, "access-control-allow-methods: GET, HEAD, POST, OPTIONS"));
    CHECK(has(answer, "vary: origin"));
    CHECK(answer.find("allow-credentials") == std::string::npos);
}

TEST_CASE("an origin that is not allowed gets nothing, and no preflight is answered", "[cors]") {
    struct Row {
        std::vector<std::string> allowed;
        char const* origin;
    };
    auto const row = GENERATE(Row{{}, "origin: https://app.example\r\n"},
                              Row{{"https://app.example"}, "origin: https://app.example.evil\r\n"},
                              Row{{"https://app.example"}, "origin: http://app.example\r\n"},
                              Row{{"https://app.example"}, "origin: null\r\n"}, Row{{"*"}, ""});
    CAPTURE(row.origin, row.allowed.size());
    auto const answer =
        answer_to(row.allowed, preflight(std::string(row.origin) + "access-control-request-method: POST\r\n"));
    CHECK(answer.starts_with("HTTP/1.1 200 "));  // the handler's own answer
    CHECK(answer.find("access-control") == std::string::npos);
    CHECK(has(answer, "vary: origin") == !row.allowed.empty());
}

TEST_CASE("a plain request from an allowed origin may see our own fields", "[cors]") {
    auto const answer = answer_to({"*"}, "GET /v1/models HTTP/1.1\r\nhost: h\r\norigin: https://app.example\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 200 "));
    CHECK(has(answer, "access-control-allow-origin: https://app.example"));
    CHECK(answer.find("access-control-expose-headers: x-request-id, retry-after") != std::string::npos);
}

}  // namespace
}  // namespace sluice::testing

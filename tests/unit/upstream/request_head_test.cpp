#include "server/upstream/request_head.hpp"

#include <catch2/catch.hpp>

namespace sluice::upstream {
namespace {

struct Request {
    ProviderSettings provider;
    CredentialSettings credential{.name = "one", .value = Secret("sk-123")};
    Headers client_headers;
    TimeoutSettings timeout;
    Cancellation cancellation;
    CredentialSettings const* used = &credential;
    std::string_view method = "POST";
    std::string_view path = "/chat/completions";
    bool path_of_server = false;

    Request() { provider.base_url = "https://api.example.com/v1"; }

    std::string head(std::string_view proxy_url = "") {
        UpstreamCall const call{.provider = provider,
                                .credential = used,
                                .method = method,
                                .path = path,
                                .path_of_server = path_of_server,
                                .body = {},
                                .body_size = 321,
                                .request_id = "req_1",
                                .accept = "text/event-stream",
                                .client_headers = client_headers,
                                .timeout = timeout,
                                .cancellation = cancellation};
        auto const origin = parse_origin(provider.base_url);
        auto const fixed = fixed_fields(*origin);
        if (proxy_url.empty()) return request_head(call, *origin, fixed, nullptr);
        auto const proxy = parse_origin(proxy_url);
        return request_head(call, *origin, fixed, &*proxy);
    }
};

constexpr std::string_view common =
    "user-agent: sluice/" SLUICE_VERSION
    "\r\naccept-encoding: identity\r\ncontent-type: application/json\r\naccept: text/event-stream\r\n"
    "content-length: 321\r\nx-request-id: req_1\r\n";

TEST_CASE("the head of a request is exactly what the gateway says, and nothing of the client's", "[request_head]") {
    Request request;
    CHECK(request.head() == "POST /v1/chat/completions HTTP/1.1\r\nhost: api.example.com\r\n" + std::string(common) +
                                "authorization: Bearer sk-123\r\n\r\n");
}

TEST_CASE("a probe is a GET of the server's own path, without a length", "[request_head]") {
    Request request;
    request.method = "GET";
    request.path = "/health";
    request.path_of_server = true;
    auto const head = request.head();
    CHECK(head.starts_with("GET /health HTTP/1.1\r\nhost: api.example.com\r\n"));
    CHECK(head.find("content-length") == std::string::npos);
    CHECK(head.find("authorization: Bearer sk-123\r\n") != std::string::npos);
    CHECK(request.head("http://proxy:3128").starts_with("GET /health HTTP/1.1\r\n"));  // of https: through a tunnel
    request.provider.base_url = "http://10.0.0.1:8000/v1";
    CHECK(request.head("http://proxy:3128").starts_with("GET http://10.0.0.1:8000/health HTTP/1.1\r\n"));
}

TEST_CASE("the credential goes where the provider wants it", "[request_head]") {
    struct Row {
        AuthScheme scheme;
        char const* header;
        bool has_credential;
        char const* line;
    };
    auto const row =
        GENERATE(Row{AuthScheme::bearer, "", true, "authorization: Bearer sk-123\r\n"},
                 Row{AuthScheme::header, "api-key", true, "api-key: sk-123\r\n"}, Row{AuthScheme::none, "", true, ""},
                 Row{AuthScheme::bearer, "", false, ""}, Row{AuthScheme::header, "api-key", false, ""});
    Request request;
    request.provider.auth = row.scheme;
    request.provider.auth_header = row.header;
    if (!row.has_credential) request.used = nullptr;
    auto const head = request.head();
    CHECK(head.substr(head.find("x-request-id: req_1\r\n") + 21) == std::string(row.line) + "\r\n");
}

TEST_CASE("a value that could end its line is left out", "[request_head]") {
    Request request;
    SECTION("a credential") { request.credential.value = Secret("sk\r\nx-evil: 1"); }
    SECTION("a header of the configuration") {
        request.used = nullptr;
        request.provider.headers = {{"x-team", "a\r\nx-evil: 1"}};
    }
    auto const head = request.head();
    CHECK(head.find("evil") == std::string::npos);
    CHECK(head.ends_with("x-request-id: req_1\r\n\r\n"));
}

TEST_CASE("a provider's own headers are added", "[request_head]") {
    Request request;
    request.provider.headers = {{"anthropic-version", "2023-06-01"}, {"x-team", "a b"}};
    CHECK(request.head().ends_with("anthropic-version: 2023-06-01\r\nx-team: a b\r\n\r\n"));
}

TEST_CASE("through a proxy an http target is absolute and an https target is not", "[request_head]") {
    Request request;
    SECTION("http") {
        request.provider.base_url = "http://inside:8000/v1";
        auto const head = request.head("http://me:pass@proxy:3128");
        CHECK(head.starts_with("POST http://inside:8000/v1/chat/completions HTTP/1.1\r\nhost: inside:8000\r\n"));
        CHECK(head.ends_with("proxy-authorization: Basic bWU6cGFzcw==\r\n\r\n"));
    }
    SECTION("https: the proxy sees only the tunnel, so its password stays outside") {
        auto const head = request.head("http://me:pass@proxy:3128");
        CHECK(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\nhost: api.example.com\r\n"));
        CHECK(head.find("proxy-authorization") == std::string::npos);
    }
}

}  // namespace
}  // namespace sluice::upstream

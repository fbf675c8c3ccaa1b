#include "tests/unit/upstream/loopback/caller.hpp"

namespace sluice::testing {
namespace {

std::string url(RawListener const& listener) { return "http://me:pass@127.0.0.1:" + std::to_string(listener.port()); }

TEST_CASE("an http upstream is asked through the environment's proxy with an absolute target", "[proxy]") {
    RawListener proxy;
    Caller caller("http://inside.example:8000/v1", {{"http_proxy", url(proxy)}});
    auto future = caller.start();
    auto connection = proxy.accept();
    auto const request = connection.read_until("{}");
    CHECK(request.starts_with("POST http://inside.example:8000/v1/chat/completions HTTP/1.1\r\n"));
    CHECK(request.find("\r\nproxy-authorization: Basic bWU6cGFzcw==\r\n") != std::string::npos);
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    CHECK(future.get().body == "ok");
}

TEST_CASE("an https upstream gets a tunnel, and TLS begins inside it", "[proxy]") {
    RawListener proxy;
    Caller caller("https://inside.example/v1", {{"HTTPS_PROXY", url(proxy)}});
    auto future = caller.start();
    auto connection = proxy.accept();
    CHECK(connection.read_until("\r\n\r\n") ==
          "CONNECT inside.example:443 HTTP/1.1\r\nhost: inside.example:443\r\n"
          "proxy-authorization: Basic bWU6cGFzcw==\r\n\r\n");
    struct Row {
        char const* name;
        char const* bytes;
        bool accepted;
    };
    auto const row = GENERATE(Row{"yes", "HTTP/1.1 200 Connection established\r\n\r\n", true},
                              Row{"in two pieces", "HTTP/1.0 200 OK\r\nx: y\r\n\r\n", true},
                              Row{"wants a password", "HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n", false},
                              Row{"speaks before TLS began", "HTTP/1.1 200 OK\r\n\r\nevil", false},
                              Row{"is no proxy", "220 mail.example ESMTP\r\n", false});
    CAPTURE(row.name);
    connection.send(row.bytes);
    if (row.accepted) {
        CHECK(connection.read_until("\x16\x03").ends_with("\x16\x03"));  // a ClientHello
    } else {
        CHECK(connection.read_all().empty());
    }
    connection = Raw(-1);
    auto const answer = future.get();
    CHECK(answer.kind() == ErrorKind::upstream_unavailable);
    CHECK(answer.error->detail.find("pass") == std::string::npos);
}

}  // namespace
}  // namespace sluice::testing

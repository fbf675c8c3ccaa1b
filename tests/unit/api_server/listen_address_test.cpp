#include <catch2/catch.hpp>

#include "server/http/listener.hpp"

namespace sluice::http {
namespace {

TEST_CASE("an address to listen on is host and port", "[listen]") {
    struct Row {
        char const* text;
        char const* host;
        int port;
    };
    auto const row = GENERATE(Row{"127.0.0.1:8080", "127.0.0.1", 8080}, Row{"localhost:0", "127.0.0.1", 0},
                              Row{":8080", "0.0.0.0", 8080}, Row{"0.0.0.0:1", "0.0.0.0", 1},
                              Row{"[::1]:8080", "::1", 8080}, Row{"[::]:65535", "::", 65535});
    CAPTURE(row.text);
    auto const address = parse_listen(row.text);
    REQUIRE(address);
    CHECK(address->host == row.host);
    CHECK(address->port == row.port);
}

TEST_CASE("anything else is refused with an example", "[listen]") {
    auto const* const text = GENERATE("", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536",
                                      "127.0.0.1:-1", "127.0.0.1:+80", "127.0.0.1: 80", "127.0.0.1:80 ", "[::1]");
    CAPTURE(text);
    auto const address = parse_listen(text);
    REQUIRE_FALSE(address);
    CHECK(address.error().detail.find("127.0.0.1:8080") != std::string::npos);
}

}  // namespace
}  // namespace sluice::http

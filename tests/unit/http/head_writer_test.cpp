#include "server/http/head_writer.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "server/http/request_head.hpp"
#include "server/http/response_head.hpp"

namespace sluice::http {

TEST_CASE("what the writer writes, the parser reads", "[http][writer]") {
    std::string response;
    write_status_line(response, 429);
    write_own_field(response, "Content-Type", "application/json");
    write_number_field(response, "Content-Length", 18'446);
    write_head_end(response);
    ResponseHeadParser responses;
    REQUIRE(responses.parse(response) == HeadState::complete);
    CHECK(responses.head().status == 429);
    CHECK(responses.head().reason == "Too Many Requests");
    CHECK(responses.head().content_length == 18'446);

    std::string request;
    REQUIRE(write_request_line(request, "POST", "/v1/chat/completions"));
    REQUIRE(write_field(request, "Host", "api.example.com"));
    write_head_end(request);
    RequestHeadParser requests;
    REQUIRE(requests.parse(request) == HeadState::complete);
    CHECK(requests.head().target == "/v1/chat/completions");
    CHECK(requests.head().find("host") == "api.example.com");
}

TEST_CASE("a status without a name is written with an empty reason", "[http][writer]") {
    std::string out;
    write_status_line(out, 529);
    CHECK(out == "HTTP/1.1 529 \r\n");
}

TEST_CASE("nothing can be written that would become a second line", "[http][writer]") {
    using namespace std::string_literals;
    std::string out;
    CHECK_FALSE(write_field(out, "X-Model", "a\r\nSet-Cookie: b"));
    CHECK_FALSE(write_field(out, "X-Model", "a\nb"));
    CHECK_FALSE(write_field(out, "X-Model", "a\rb"));
    CHECK_FALSE(write_field(out, "X-Model", "a\0b"s));
    CHECK_FALSE(write_field(out, "X-Model", "a\x7f"));
    CHECK_FALSE(write_field(out, "X Model", "a"));
    CHECK_FALSE(write_field(out, "X:Model", "a"));
    CHECK_FALSE(write_field(out, "", "a"));
    CHECK_FALSE(write_request_line(out, "GET", "/a b"));
    CHECK_FALSE(write_request_line(out, "GET", "/a\r\n"));
    CHECK_FALSE(write_request_line(out, "GET", ""));
    CHECK_FALSE(write_request_line(out, "GE T", "/"));
    CHECK(out.empty());
}

TEST_CASE("a value may hold tabs and bytes of UTF-8", "[http][writer]") {
    std::string out;
    CHECK(write_field(out, "X", "caf\xc3\xa9\t1"));
    CHECK(out == "X: caf\xc3\xa9\t1\r\n");
}

}  // namespace sluice::http

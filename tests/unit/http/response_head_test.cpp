#include "server/http/response_head.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/http/feeding.hpp"

namespace sluice::http {

namespace {

using testing::Buffer;
using testing::cut_that_changes;
using testing::Verdict;

std::string const stream_answer =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/event-stream; charset=utf-8\r\n"
    "Transfer-Encoding: chunked\r\n"
    "openai-processing-ms: 212\r\n"
    "x-request-id: req_1\r\n"
    "\r\n";

ResponseHead const& parsed(std::string const& bytes, Asked asked = Asked::other) {
    static ResponseHeadParser parser;
    static Buffer buffer("");
    buffer = Buffer(bytes);
    parser.reset();
    HeadState const state = parser.parse(buffer.view(), asked);
    CAPTURE(bytes, describe(parser.error()).message);
    REQUIRE(state == HeadState::complete);
    return parser.head();
}

ResponseHead const& with(std::string const& line, std::string const& fields = "", Asked asked = Asked::other) {
    return parsed(line + "\r\n" + fields + "\r\n", asked);
}

}  // namespace

TEST_CASE("a provider's answer comes out with status, reason and fields", "[http][response]") {
    ResponseHead const& head = parsed(stream_answer + "5\r\n");
    CHECK(head.status == 200);
    CHECK(head.reason == "OK");
    CHECK(head.minor_version == 1);
    CHECK(head.body == BodyKind::chunked);
    CHECK(head.keep_alive);
    CHECK(head.size == stream_answer.size());
    REQUIRE(head.fields.size() == 4);
    CHECK(head.find("X-Request-Id") == "req_1");
    CHECK(head.count("set-cookie") == 0);
}

TEST_CASE("a valid answer is accepted wherever the network cuts it", "[http][response]") {
    CHECK(cut_that_changes<ResponseHeadParser>({HeadState::complete, HeadError::none}, stream_answer) ==
          std::string::npos);
}

TEST_CASE("a reason may be empty, missing or in any language", "[http][response]") {
    CHECK(with("HTTP/1.1 200 ").reason.empty());
    CHECK(with("HTTP/1.1 200").reason.empty());
    CHECK(with("HTTP/1.1 404 Not  Found at all").reason == "Not  Found at all");
    CHECK(with("HTTP/1.1 200 caf\xc3\xa9").reason == "caf\xc3\xa9");
}

TEST_CASE("the end of an answer's body is found as RFC 9112 6.3 says", "[http][response]") {
    CHECK(with("HTTP/1.1 200 OK", "Content-Length: 5\r\n").body == BodyKind::length);
    CHECK(with("HTTP/1.1 200 OK", "Content-Length: 5\r\n").content_length == 5);
    CHECK(with("HTTP/1.1 200 OK", "Content-Length: 0\r\n").body == BodyKind::none);
    CHECK(with("HTTP/1.1 200 OK", "Transfer-Encoding: Chunked\r\n").body == BodyKind::chunked);
    CHECK(with("HTTP/1.1 200 OK").body == BodyKind::until_close);
    CHECK(with("HTTP/1.0 200 OK").body == BodyKind::until_close);
    CHECK(with("HTTP/1.1 500 Oops", "Content-Length: 7\r\n").body == BodyKind::length);
}

TEST_CASE("answers that never have a body have none, whatever a length says", "[http][response]") {
    CHECK(with("HTTP/1.1 204 No Content").body == BodyKind::none);
    CHECK(with("HTTP/1.1 204 No Content", "Content-Length: 0\r\n").body == BodyKind::none);
    CHECK(with("HTTP/1.1 100 Continue").body == BodyKind::none);
    CHECK(with("HTTP/1.1 304 Not Modified", "Content-Length: 5\r\n").body == BodyKind::none);
    CHECK(with("HTTP/1.1 200 OK", "Content-Length: 5\r\n", Asked::head).body == BodyKind::none);
    CHECK(with("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", Asked::head).body == BodyKind::none);
    CHECK(with("HTTP/1.1 200 OK", "", Asked::head).body == BodyKind::none);
}

TEST_CASE("a connection may be used again unless version, fields or body forbid it", "[http][response]") {
    CHECK(with("HTTP/1.1 200 OK", "Content-Length: 5\r\n").keep_alive);
    CHECK(with("HTTP/1.1 204 No Content").keep_alive);
    CHECK_FALSE(with("HTTP/1.1 200 OK").keep_alive);
    CHECK_FALSE(with("HTTP/1.1 200 OK", "Content-Length: 5\r\nConnection: Close\r\n").keep_alive);
    CHECK_FALSE(with("HTTP/1.0 200 OK", "Content-Length: 5\r\n").keep_alive);
    CHECK(with("HTTP/1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive\r\n").keep_alive);
    CHECK_FALSE(with("HTTP/1.0 200 OK", "Connection: keep-alive\r\n").keep_alive);
}

TEST_CASE("interim answers are parsed one after the other in front of the final one", "[http][response]") {
    std::string const bytes =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + stream_answer;
    ResponseHeadParser parser;
    std::string_view rest = bytes;
    std::vector<int> statuses;
    while (!rest.empty()) {
        REQUIRE(parser.parse(rest) == HeadState::complete);
        statuses.push_back(parser.head().status);
        rest.remove_prefix(parser.head().size);
        parser.reset();
    }
    CHECK(statuses == std::vector<int>{100, 103, 200});
}

TEST_CASE("a head of exactly 64 KiB is accepted", "[http][response]") {
    std::string const start = "HTTP/1.1 200 OK\r\nX: ";
    std::string const largest = start + std::string(64 * 1024 - start.size() - 4, 'a') + "\r\n\r\n";
    CHECK(parsed(largest).size == 64 * 1024);
}

}  // namespace sluice::http

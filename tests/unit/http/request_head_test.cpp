#include "server/http/request_head.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/http/feeding.hpp"

namespace sluice::http {

namespace {

using testing::Buffer;
using testing::cut_that_changes;
using testing::Verdict;

constexpr Verdict accepted{HeadState::complete, HeadError::none};

std::string const sdk_request =
    "POST /v1/chat/completions HTTP/1.1\r\n"
    "Host: gateway.internal:8080\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Connection: keep-alive\r\n"
    "Accept: application/json\r\n"
    "Content-Type:application/json\r\n"
    "User-Agent: OpenAI/Python 1.99.1\r\n"
    "X-Stainless-Lang:   python \t\r\n"
    "Authorization: Bearer sk-test\r\n"
    "X-Empty:\r\n"
    "X-Text: caf\xc3\xa9\ttab\r\n"
    "Content-Length: 17\r\n"
    "\r\n";

/// A head from these lines; the parser and its buffer live as long as the static.
RequestHead const& parsed(std::string const& bytes) {
    static RequestHeadParser parser;
    static Buffer buffer("");
    buffer = Buffer(bytes);
    parser.reset();
    HeadState const state = parser.parse(buffer.view());
    CAPTURE(bytes, describe(parser.error()).message);
    REQUIRE(state == HeadState::complete);
    return parser.head();
}

RequestHead const& with(std::string const& fields, std::string const& line = "GET / HTTP/1.1") {
    return parsed(line + "\r\nHost: a\r\n" + fields + "\r\n");
}

}  // namespace

TEST_CASE("an SDK's request comes out with its fields in order, blanks trimmed and bytes untouched",
          "[http][request]") {
    RequestHead const& head = parsed(sdk_request + "{\"model\":");
    CHECK(head.method == "POST");
    CHECK(head.target == "/v1/chat/completions");
    CHECK(head.minor_version == 1);
    CHECK(head.body == BodyKind::length);
    CHECK(head.content_length == 17);
    CHECK(head.keep_alive);
    CHECK(head.size == sdk_request.size());
    REQUIRE(head.fields.size() == 11);
    CHECK(head.fields[0] == Field{"Host", "gateway.internal:8080"});
    CHECK(head.fields[4] == Field{"Content-Type", "application/json"});
    CHECK(head.fields[6] == Field{"X-Stainless-Lang", "python"});
    CHECK(head.fields[8] == Field{"X-Empty", ""});
    CHECK(head.fields[9] == Field{"X-Text", "caf\xc3\xa9\ttab"});
}

TEST_CASE("a field is found whatever the case of its name", "[http][request]") {
    RequestHead const& head = with("X-Key: one\r\nx-key: two\r\nEmpty:\r\n");
    CHECK(head.find("x-key") == "one");
    CHECK(head.find("X-KEY") == "one");
    CHECK(head.count("x-key") == 2);
    CHECK(head.count("empty") == 1);
    CHECK(head.find("empty").empty());
    CHECK(head.count("x-ke") == 0);
    CHECK(head.find("other").empty());
}

TEST_CASE("a valid request is accepted wherever the network cuts it", "[http][request]") {
    auto const bytes = GENERATE_COPY(values<std::string>({
        sdk_request,
        "\r\n" + sdk_request,
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://a.example:80/v1/models?x=1 HTTP/1.1\r\nHost: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n",
    }));
    CAPTURE(bytes);
    CHECK(cut_that_changes<RequestHeadParser>(accepted, bytes) == std::string::npos);
}

TEST_CASE("the views of a head fed in single bytes lie in the last buffer", "[http][request]") {
    RequestHeadParser parser;
    for (std::size_t end = 1; end < sdk_request.size(); ++end) {
        Buffer const buffer(std::string_view(sdk_request).substr(0, end));
        REQUIRE(parser.parse(buffer.view()) == HeadState::need_more);
    }
    Buffer const buffer(sdk_request);
    REQUIRE(parser.parse(buffer.view()) == HeadState::complete);
    CHECK(parser.head().find("user-agent") == "OpenAI/Python 1.99.1");
    CHECK(parser.head().find("user-agent").data() > buffer.view().data());
    CHECK(parser.head().find("user-agent").data() < buffer.view().data() + buffer.size());
}

TEST_CASE("a complete head follows its bytes to another buffer", "[http][request]") {
    RequestHeadParser parser;
    {
        Buffer const first(sdk_request);
        REQUIRE(parser.parse(first.view()) == HeadState::complete);
    }
    Buffer const moved(sdk_request + "body bytes");
    REQUIRE(parser.parse(moved.view()) == HeadState::complete);
    CHECK(parser.head().target == "/v1/chat/completions");
    CHECK(parser.head().find("authorization") == "Bearer sk-test");
    CHECK(parser.head().fields.size() == 11);
}

TEST_CASE("pipelined requests are parsed one after the other by one parser", "[http][request]") {
    std::string const bytes = sdk_request + "GET /v1/models HTTP/1.0\r\n\r\n" + "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n";
    RequestHeadParser parser;
    std::string_view rest = bytes;
    std::vector<std::string> targets;
    while (!rest.empty()) {
        REQUIRE(parser.parse(rest) == HeadState::complete);
        targets.emplace_back(parser.head().target);
        rest.remove_prefix(parser.head().size);
        parser.reset();
    }
    CHECK(targets == std::vector<std::string>{"/v1/chat/completions", "/v1/models", "/x"});
}

TEST_CASE("nothing of one request is left in the next", "[http][request]") {
    RequestHeadParser parser;
    std::string const first =
        "POST http://a HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nExpect: x\r\nConnection: keep-alive, close\r\n\r\n";
    REQUIRE(parser.parse(first) == HeadState::complete);
    parser.reset();
    REQUIRE(parser.parse("GET /b HTTP/1.1\r\nHost: b\r\n\r\n") == HeadState::complete);
    RequestHead const& head = parser.head();
    CHECK(head.target == "/b");
    CHECK(head.minor_version == 1);
    CHECK(head.body == BodyKind::none);
    CHECK(head.content_length == 0);
    CHECK(head.keep_alive);
    CHECK_FALSE(head.expect_unknown);
    CHECK(head.fields.size() == 1);
}

TEST_CASE("one empty line in front of a request is skipped and counted", "[http][request]") {
    RequestHead const& head = parsed("\r\n" + sdk_request);
    CHECK(head.method == "POST");
    CHECK(head.size == sdk_request.size() + 2);
    CHECK(head.find("host") == "gateway.internal:8080");
}

TEST_CASE("the body is described by one length or by chunked, else there is none", "[http][request]") {
    CHECK(with("").body == BodyKind::none);
    CHECK(with("Content-Length: 0\r\n").body == BodyKind::none);
    CHECK(with("Content-Length: 000\r\n").body == BodyKind::none);
    CHECK(with("Content-Length: 5\r\n").body == BodyKind::length);
    CHECK(with("content-length:\t999999999999999999 \r\n").content_length == 999'999'999'999'999'999);
    CHECK(with("Transfer-Encoding: chunked\r\n").body == BodyKind::chunked);
    CHECK(with("transfer-encoding:\t CHUNKED \r\n").body == BodyKind::chunked);
    CHECK(with("Content-Length: 5\r\n", "POST / HTTP/1.0").body == BodyKind::length);
    CHECK(with("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n").body == BodyKind::none);
}

TEST_CASE("a connection is kept as the version and the Connection options say", "[http][request]") {
    CHECK(with("").keep_alive);
    CHECK(with("Connection: keep-alive\r\n").keep_alive);
    CHECK_FALSE(with("Connection: close\r\n").keep_alive);
    CHECK_FALSE(with("Connection: foo,\tCLOSE , bar\r\n").keep_alive);
    CHECK_FALSE(with("Connection: foo\r\nConnection: close\r\n").keep_alive);
    CHECK_FALSE(with("Connection: keep-alive, close\r\n").keep_alive);
    CHECK_FALSE(with("Connection: ,, close ,\r\n").keep_alive);
    CHECK(with("Connection:\r\n").keep_alive);
    CHECK(with("Connection: closed, not-close\r\n").keep_alive);
    CHECK_FALSE(with("", "GET / HTTP/1.0").keep_alive);
    CHECK(with("Connection: Keep-Alive\r\n", "GET / HTTP/1.0").keep_alive);
    CHECK_FALSE(with("Connection: keep-alive, close\r\n", "GET / HTTP/1.0").keep_alive);
}

TEST_CASE("only 100-continue is an expectation that can be met, and only in HTTP/1.1", "[http][request]") {
    CHECK(with("Expect: 100-Continue\r\n").expect_continue);
    CHECK_FALSE(with("Expect: 100-Continue\r\n").expect_unknown);
    CHECK(with("Expect: 200-maybe\r\n").expect_unknown);
    CHECK(with("Expect:\r\n").expect_unknown);
    CHECK(with("Expect: 100-continue, x\r\n").expect_unknown);
    CHECK(with("Expect: 100-continue\r\nExpect: x\r\n").expect_unknown);
    CHECK_FALSE(with("Expect: 100-continue\r\n", "POST / HTTP/1.0").expect_continue);
}

TEST_CASE("a target is a path, an absolute URL, an asterisk for OPTIONS or an authority for CONNECT",
          "[http][request]") {
    auto [line, target] = GENERATE(table<char const*, char const*>({
        {"GET / HTTP/1.1", "/"},
        {"GET //v1//models/ HTTP/1.1", "//v1//models/"},
        {"GET /v1/models/a%2Fb?x=1&y=[2]|{3} HTTP/1.1", "/v1/models/a%2Fb?x=1&y=[2]|{3}"},
        {"GET /v1/models/org/name:tag@2024 HTTP/1.1", "/v1/models/org/name:tag@2024"},
        {"GET http://a.example/v1/models HTTP/1.1", "/v1/models"},
        {"GET HTTPS://[::1]:8443/v1/models?x HTTP/1.1", "/v1/models?x"},
        {"GET http://a.example HTTP/1.1", "/"},
        {"GET http://a.example?x=1 HTTP/1.1", "?x=1"},
        {"OPTIONS * HTTP/1.1", "*"},
        {"OPTIONS /v1/models HTTP/1.1", "/v1/models"},
        {"CONNECT a.example:443 HTTP/1.1", "a.example:443"},
        {"CONNECT [::1]:443 HTTP/1.1", "[::1]:443"},
        {"M-SEARCH / HTTP/1.1", "/"},
        {"get / HTTP/1.1", "/"},
    }));
    CAPTURE(line);
    CHECK(with("", line).target == target);
}

TEST_CASE("a Host is a name or an address with an optional port", "[http][request]") {
    auto const* host = GENERATE("a", "api.example.com", "API.example.com.", "localhost:8080", "127.0.0.1",
                                "127.0.0.1:65535", "[::1]", "[::1]:8080", "[2001:db8::8a2e:370:7334]",
                                "[::ffff:192.0.2.1]:1", "my_service-1:80", "xn--bcher-kva.example");
    CAPTURE(host);
    CHECK(parsed("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n").find("host") == host);
}

TEST_CASE("an address with a NUL inside is none, whatever stands in front of it", "[http][request]") {
    CHECK_FALSE(is_authority(std::string_view("[fe80::1\0\0th0]", 14)));
}

TEST_CASE("HTTP/1.0 may leave the Host away", "[http][request]") {
    CHECK(parsed("GET / HTTP/1.0\r\n\r\n").minor_version == 0);
}

TEST_CASE("what is exactly at a limit is accepted", "[http][request]") {
    std::string const longest_target(8192, '/');
    CHECK(with("", "GET " + longest_target + " HTTP/1.1").target == longest_target);

    std::string hundred_fields;
    for (int i = 1; i < 100; ++i) hundred_fields += "X: y\r\n";
    CHECK(with(hundred_fields).fields.size() == 100);

    std::string const start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    std::string const largest = start + std::string(32 * 1024 - start.size() - 4, 'a') + "\r\n\r\n";
    CHECK(parsed(largest).size == 32 * 1024);
    CHECK(parsed(largest + "body").size == 32 * 1024);

    CHECK(with("", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1").method.size() == 32);
}

TEST_CASE("limits are those of the parser, not of the code", "[http][request]") {
    RequestHeadParser parser(HeadLimits{.head = 64, .fields = 2, .target = 8});
    CHECK(parser.parse("GET /12345678 HTTP/1.1\r\n") == HeadState::error);
    CHECK(parser.error() == HeadError::target_too_long);
    parser.reset();
    CHECK(parser.parse("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\nY: z\r\n") == HeadState::error);
    CHECK(parser.error() == HeadError::too_many_fields);
    parser.reset();
    CHECK(parser.parse("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(64, 'a')) == HeadState::error);
    CHECK(parser.error() == HeadError::head_too_large);
}

TEST_CASE("an error is reported before the head is complete, as soon as it is certain", "[http][request]") {
    auto [bytes, error] = GENERATE(table<std::string, HeadError>({
        {"\x16", HeadError::tls_bytes},
        {"\x80", HeadError::bad_request_line},
        {"(", HeadError::bad_request_line},
        {"GET / HTTP/1.1\n", HeadError::bare_lf},
        {"GET / HTTP/1.1\r\n ", HeadError::folded},
        {"GET / HTTP/1.1\r\nX: \x01", HeadError::control_byte},
        {"GET / HTTP/1.1\r\nX : a\r\n", HeadError::bad_header},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", HeadError::duplicate_host},
        {"GET / HTTP/2.0\r\n", HeadError::version_not_supported},
        {"PRI * HTTP/2.0\r\n", HeadError::http2_preface},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", HeadError::conflicting_length},
        {"GET " + std::string(8300, '/'), HeadError::target_too_long},
        {"GET / HTTP/1.1\r\nX: " + std::string(32 * 1024, 'a'), HeadError::head_too_large},
        {std::string(33, 'A'), HeadError::bad_request_line},
    }));
    CAPTURE(bytes);
    CHECK(testing::fed_whole<RequestHeadParser>(bytes) == Verdict{HeadState::error, error});
}

}  // namespace sluice::http

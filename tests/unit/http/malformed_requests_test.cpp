#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/http/request_head.hpp"
#include "tests/unit/http/feeding.hpp"

// ROBUSTNESS.md section 3 as a table: one row for each way in which a request can be malformed or ambiguous.
namespace sluice::http {

namespace {

using enum HeadError;
using namespace std::string_literals;
using testing::cut_that_changes;
using testing::fed_whole;
using testing::Verdict;

struct Row {
    char const* name;
    HeadError error;
    std::string bytes;
};

std::string with(std::string const& fields) {
    return "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n";
}
std::string with_line(std::string const& line) { return line + "\r\nHost: a\r\n\r\n"; }
std::string with_host(std::string const& host) { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"; }

std::string repeated(std::string const& text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

std::string head_of(std::size_t size) {
    std::string const bytes = with("X: ");
    return with("X: " + std::string(size - bytes.size(), 'a'));
}

std::vector<Row> const& malformed_requests() {
    static std::vector<Row> const rows{
        // Content-Length: one plain decimal number, once
        {"a length beside a coding", conflicting_length, with("Content-Length: 5\r\nTransfer-Encoding: chunked")},
        {"a coding beside a length", conflicting_length, with("Transfer-Encoding: chunked\r\nContent-Length: 5")},
        {"a length of 0 beside a coding", conflicting_length, with("Content-Length: 0\r\nTransfer-Encoding: chunked")},
        {"a coding and a length far apart, in other cases", conflicting_length,
         with("TRANSFER-ENCODING: chunked\r\nX: y\r\ncontent-length: 5")},
        {"a repeated length, the same", conflicting_length, with("Content-Length: 5\r\nContent-Length: 5")},
        {"a repeated length, another", conflicting_length, with("Content-Length: 5\r\nContent-Length: 6")},
        {"a repeated length in another case", conflicting_length, with("Content-Length: 5\r\ncontent-LENGTH: 5")},
        {"a repeated length, the second one empty", conflicting_length, with("Content-Length: 5\r\nContent-Length:")},
        {"a length listed", bad_content_length, with("Content-Length: 5, 5")},
        {"a length listed, different", bad_content_length, with("Content-Length: 5, 6")},
        {"a length listed without blank", bad_content_length, with("Content-Length: 5,5")},
        {"a length with a trailing comma", bad_content_length, with("Content-Length: 5,")},
        {"a length with a leading comma", bad_content_length, with("Content-Length: ,5")},
        {"a length empty", bad_content_length, with("Content-Length: ")},
        {"a length of blanks only", bad_content_length, with("Content-Length:   \t ")},
        {"a length with a plus", bad_content_length, with("Content-Length: +5")},
        {"a length with a minus", bad_content_length, with("Content-Length: -5")},
        {"a length minus 0", bad_content_length, with("Content-Length: -0")},
        {"a length hexadecimal", bad_content_length, with("Content-Length: 0x5")},
        {"a length in hexadecimal letters", bad_content_length, with("Content-Length: a")},
        {"a length spaced", bad_content_length, with("Content-Length: 5 5")},
        {"a length with a tab inside", bad_content_length, with("Content-Length: 5\t5")},
        {"a length with an underscore", bad_content_length, with("Content-Length: 5_0")},
        {"a length with a fraction", bad_content_length, with("Content-Length: 5.0")},
        {"a length with an exponent", bad_content_length, with("Content-Length: 5e1")},
        {"a length quoted", bad_content_length, with("Content-Length: \"5\"")},
        {"a length of 19 digits", bad_content_length, with("Content-Length: 1000000000000000000")},
        {"a length beyond 2^63", bad_content_length, with("Content-Length: 9223372036854775808")},
        {"a length beyond 2^64", bad_content_length, with("Content-Length: 18446744073709551616")},
        {"a length that is 5 modulo 2^64", bad_content_length, with("Content-Length: 18446744073709551621")},
        {"a length of 300 digits", bad_content_length, with("Content-Length: " + std::string(300, '9'))},
        {"a length behind many zeros", bad_content_length, with("Content-Length: 00000000000000000005")},
        {"a length with a semicolon", bad_content_length, with("Content-Length: 5;a=b")},
        {"a length with letters behind", bad_content_length, with("Content-Length: 5abc")},
        {"a length in other digits", bad_content_length, with("Content-Length: \xd9\xa5")},
        {"a length with a no-break space", bad_content_length,
         with("Content-Length: \xc2\xa0"
              "5")},
        // Transfer-Encoding: exactly one chunked, in HTTP/1.1
        {"chunked, identity", bad_transfer_encoding, with("Transfer-Encoding: chunked, identity")},
        {"chunked, chunked", bad_transfer_encoding, with("Transfer-Encoding: chunked, chunked")},
        {"chunked, gzip", bad_transfer_encoding, with("Transfer-Encoding: chunked, gzip")},
        {"a coding with an empty element", bad_transfer_encoding, with("Transfer-Encoding: chunked,")},
        {"a coding behind an empty element", bad_transfer_encoding, with("Transfer-Encoding: , chunked")},
        {"an empty coding", bad_transfer_encoding, with("Transfer-Encoding: ")},
        {"a comma as a coding", bad_transfer_encoding, with("Transfer-Encoding: ,")},
        {"a coding with a parameter", bad_transfer_encoding, with("Transfer-Encoding: chunked;q=1")},
        {"a quoted coding", bad_transfer_encoding, with("Transfer-Encoding: \"chunked\"")},
        {"two codings without a comma", bad_transfer_encoding, with("Transfer-Encoding: chunked chunked")},
        {"a coding with an obs-text byte", bad_transfer_encoding, with("Transfer-Encoding: chunked\x80")},
        {"a coding with a no-break space", bad_transfer_encoding,
         with("Transfer-Encoding: \xa0"
              "chunked")},
        {"identity and chunked by a blank", bad_transfer_encoding, with("Transfer-Encoding: identity chunked")},
        {"gzip", unknown_transfer_encoding, with("Transfer-Encoding: gzip")},
        {"gzip, chunked", unknown_transfer_encoding, with("Transfer-Encoding: gzip, chunked")},
        {"identity", unknown_transfer_encoding, with("Transfer-Encoding: identity")},
        {"xchunked", unknown_transfer_encoding, with("Transfer-Encoding: xchunked")},
        {"chunke", unknown_transfer_encoding, with("Transfer-Encoding: chunke")},
        {"deflate, gzip, chunked", unknown_transfer_encoding, with("Transfer-Encoding: deflate, gzip, chunked")},
        {"gzip and two times chunked", bad_transfer_encoding, with("Transfer-Encoding: gzip, chunked, chunked")},
        {"chunked-ish", unknown_transfer_encoding, with("Transfer-Encoding: x-chunked")},
        {"two coding fields", bad_transfer_encoding, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")},
        {"two coding fields, the second one empty", bad_transfer_encoding,
         with("Transfer-Encoding: chunked\r\nTransfer-Encoding:")},
        {"two coding fields, identity second", bad_transfer_encoding,
         with("Transfer-Encoding: chunked\r\ntransfer-encoding: identity")},
        {"chunked in HTTP/1.0", bad_transfer_encoding,
         "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"s},
        {"gzip in HTTP/1.0", bad_transfer_encoding, "POST / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n"s},
        {"a coding behind a vertical tab", control_byte, with("Transfer-Encoding: \vchunked")},
        // line ends, control bytes, folding
        {"bare LF behind the request line", bare_lf, "GET / HTTP/1.1\nHost: a\r\n\r\n"s},
        {"bare LF everywhere", bare_lf, "GET / HTTP/1.1\nHost: a\n\n"s},
        {"bare LF behind a field", bare_lf, "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"s},
        {"bare LF as the blank line", bare_lf, "GET / HTTP/1.1\r\nHost: a\r\n\n"s},
        {"bare LF in front", bare_lf, "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"bare CR behind the request line", bare_lf, "GET / HTTP/1.1\rHost: a\r\n\r\n"s},
        {"bare CR in the target", bare_lf, "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"bare CR in a value", bare_lf, with("X: a\rb")},
        {"bare CR in front of a value", bare_lf, with("X:\ra")},
        {"bare CR in a name", bare_lf, with("X\rY: a")},
        {"CR CR LF behind a field", bare_lf, with("X: a\r")},
        {"CR CR LF as the blank line", bare_lf, with("X: a\r\n\r")},
        {"a smuggled line behind a bare LF in a value", bare_lf, with("X: a\nTransfer-Encoding: chunked")},
        {"NUL in a value", control_byte, with("X: a\0b"s)},
        {"NUL in a name", control_byte, with("X\0Y: a"s)},
        {"NUL behind a value", control_byte, with("X: a\0"s)},
        {"NUL as a line", control_byte, with("\0"s)},
        {"backspace in a value", control_byte, with("X: a\bb"s)},
        {"escape in a value", control_byte, with("X: \x1b[0m"s)},
        {"form feed in a value", control_byte, with("X: \f"s)},
        {"vertical tab in a value", control_byte, with("X: \v"s)},
        {"0x01 in a value", control_byte, with("X: \x01"s)},
        {"DEL in a value", control_byte, with("X: \x7f"s)},
        {"DEL in a name", control_byte, with("X\x7f: a"s)},
        {"0x1f in a name", control_byte, with("X\x1f: a"s)},
        {"NUL in the target", control_byte, "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"NUL in the method", control_byte, "G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"DEL in the target", control_byte, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"NUL in front", control_byte, "\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"a line folded with a blank", folded, with("X: a\r\n b")},
        {"a line folded with a tab", folded, with("X: a\r\n\tb")},
        {"a coding folded behind its colon", bad_transfer_encoding, with("Transfer-Encoding:\r\n chunked")},
        {"a folded length", folded, with("Content-Length: 1\r\n 0")},
        {"a line of a blank only", folded, with("X: a\r\n ")},
        {"a folded request line", folded, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"s},
        // names of fields
        {"space before the colon", bad_header, with("X : a")},
        {"tab before the colon", bad_header, with("X\t: a")},
        {"space before the colon of a coding", bad_header, with("Transfer-Encoding : chunked")},
        {"space before the colon of a length", bad_header, with("Content-Length : 5")},
        {"an empty name", bad_header, with(": a")},
        {"a line without colon", bad_header, with("abc")},
        {"only a colon", bad_header, with(":")},
        {"a space in a name", bad_header, with("X Y: a")},
        {"a parenthesis in a name", bad_header, with("X(: a")},
        {"a comma in a name", bad_header, with("X,Y: a")},
        {"a slash in a name", bad_header, with("X/Y: a")},
        {"a quote in a name", bad_header, with("\"X\": a")},
        {"an equals sign in a name", bad_header, with("X=Y: a")},
        {"a semicolon in a name", bad_header, with("X;: a")},
        {"brackets in a name", bad_header, with("[X]: a")},
        {"an at sign in a name", bad_header, with("X@: a")},
        {"obs-text in a name", bad_header, with("X\xc3\xa9: a")},
        {"a brace in a name", bad_header, with("{X}: a")},
        {"a backslash in a name", bad_header, with("X\\: a")},
        {"a question mark in a name", bad_header, with("X?: a")},
        {"a second request line", bad_header, with("GET / HTTP/1.1")},
        // Connection: found by fuzzing against Beast, which refuses these
        {"a Connection option with obs-text", bad_header, with("Connection: foo\xfe, close")},
        {"two Connection options without a comma", bad_header, with("Connection: close x")},
        {"a Connection option in quotes", bad_header, with("Connection: \"close\"")},
        {"a Connection option with a parameter", bad_header, with("Connection: close;a=b")},
        // Host
        {"no Host", missing_host, "GET / HTTP/1.1\r\n\r\n"s},
        {"no Host, but others", missing_host, "GET / HTTP/1.1\r\nX-Host: a\r\nHosts: b\r\n\r\n"s},
        {"no Host with an absolute target", missing_host, "GET http://a/ HTTP/1.1\r\n\r\n"s},
        {"two Hosts, the same", duplicate_host, with("Host: a")},
        {"two Hosts", duplicate_host, with("Host: b")},
        {"two Hosts in other cases", duplicate_host, with("hOST: b")},
        {"two Hosts in HTTP/1.0", duplicate_host, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"s},
        {"a Host empty", bad_host, with_host("")},
        {"a Host with userinfo", bad_host, with_host("user@a")},
        {"a Host with user and password", bad_host, with_host("u:p@a")},
        {"a Host with a path", bad_host, with_host("a/b")},
        {"a Host with a slash", bad_host, with_host("a/")},
        {"a Host with a fragment", bad_host, with_host("a#b")},
        {"a Host with a query", bad_host, with_host("a?b")},
        {"a Host with a space inside", bad_host, with_host("a b")},
        {"a Host with a tab inside", bad_host, with_host("a\tb")},
        {"a Host with a scheme", bad_host, with_host("http://a")},
        {"a Host in a list", bad_host, with_host("a, b")},
        {"a Host in a list without blank", bad_host, with_host("a,b")},
        {"a Host with an empty port", bad_host, with_host("a:")},
        {"a Host with two ports", bad_host, with_host("a:1:2")},
        {"a Host with a name as port", bad_host, with_host("a:http")},
        {"a Host with a port of 65536", bad_host, with_host("a:65536")},
        {"a Host with a port of six digits", bad_host, with_host("a:000080")},
        {"a Host with a negative port", bad_host, with_host("a:-1")},
        {"a Host of a port only", bad_host, with_host(":80")},
        {"a Host with an open bracket", bad_host, with_host("[::1")},
        {"a Host with an empty bracket", bad_host, with_host("[]")},
        {"a Host with a bad IPv6", bad_host, with_host("[::1::2]")},
        {"a Host with an IPv4 in brackets", bad_host, with_host("[127.0.0.1]")},
        {"a Host with a zone", bad_host, with_host("[fe80::1%25eth0]")},
        {"a Host with bytes behind the bracket", bad_host, with_host("[::1]a")},
        {"a Host with IPvFuture", bad_host, with_host("[v1.a]")},
        {"a Host of a bare IPv6", bad_host, with_host("::1")},
        {"a Host with an escape", bad_host, with_host("a%2eb")},
        {"a Host with obs-text", bad_host, with_host("\xc3\xa4")},
        {"a Host with a backslash", bad_host, with_host("a\\b")},
        {"a Host quoted", bad_host, with_host("\"a\"")},
        {"a Host with a semicolon", bad_host, with_host("a;b")},
        {"a Host of a long bracket", bad_host, with_host("[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]")},
        {"a Host with a port of blanks", bad_host, with_host("a: 80")},
        {"a bad Host in HTTP/1.0", bad_host, "GET / HTTP/1.0\r\nHost: a/b\r\n\r\n"s},
        // the request line
        {"HTTP/2.0", version_not_supported, with_line("GET / HTTP/2.0")},
        {"HTTP/1.2", version_not_supported, with_line("GET / HTTP/1.2")},
        {"HTTP/0.9", version_not_supported, with_line("GET / HTTP/0.9")},
        {"HTTP/3.0", version_not_supported, with_line("GET / HTTP/3.0")},
        {"HTTP/9.9", version_not_supported, with_line("GET / HTTP/9.9")},
        {"the HTTP/2 preface", http2_preface, with_line("PRI * HTTP/2.0")},
        {"a version in small letters", bad_request_line, with_line("GET / http/1.1")},
        {"a version with a long minor", bad_request_line, with_line("GET / HTTP/1.10")},
        {"a version with a long major", bad_request_line, with_line("GET / HTTP/01.1")},
        {"a version without minor", bad_request_line, with_line("GET / HTTP/1")},
        {"a version with a comma", bad_request_line, with_line("GET / HTTP/1,1")},
        {"a version of letters", bad_request_line, with_line("GET / HTTP/a.b")},
        {"another protocol", bad_request_line, with_line("GET / RTSP/1.0")},
        {"no version", bad_request_line, with_line("GET /")},
        {"no version but a blank", bad_request_line, with_line("GET / ")},
        {"no target", bad_request_line, with_line("GET HTTP/1.1")},
        {"an empty target", bad_request_line, with_line("GET  HTTP/1.1")},
        {"two blanks behind the method", bad_request_line, with_line("GET  / HTTP/1.1")},
        {"two blanks before the version", bad_request_line, with_line("GET /  HTTP/1.1")},
        {"a blank behind the version", bad_request_line, with_line("GET / HTTP/1.1 ")},
        {"a blank in front", bad_request_line, with_line(" GET / HTTP/1.1")},
        {"a tab as separator", bad_request_line, with_line("GET\t/ HTTP/1.1")},
        {"a tab before the version", bad_request_line, with_line("GET /\tHTTP/1.1")},
        {"a blank in the target", bad_request_line, with_line("GET /a b HTTP/1.1")},
        {"a method that is no token", bad_request_line, with_line("GE(T / HTTP/1.1")},
        {"a method in quotes", bad_request_line, with_line("\"GET\" / HTTP/1.1")},
        {"a method with obs-text", bad_request_line, with_line("G\xc3T / HTTP/1.1")},
        {"a method of 33 letters", bad_request_line, with_line("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1")},
        {"a word", bad_request_line, with_line("hello")},
        {"a response", bad_request_line, with_line("HTTP/1.1 200 OK")},
        {"a relative target", bad_request_line, with_line("GET a HTTP/1.1")},
        {"a relative path", bad_request_line, with_line("GET v1/models HTTP/1.1")},
        {"an asterisk for GET", bad_request_line, with_line("GET * HTTP/1.1")},
        {"an asterisk with more", bad_request_line, with_line("OPTIONS *a HTTP/1.1")},
        {"an authority for GET", bad_request_line, with_line("GET a:80 HTTP/1.1")},
        {"a query only", bad_request_line, with_line("GET ?a HTTP/1.1")},
        {"a fragment", bad_request_line, with_line("GET /a#b HTTP/1.1")},
        {"a quote in the target", bad_request_line, with_line("GET /\" HTTP/1.1")},
        {"a backslash in the target", bad_request_line, with_line("GET /\\ HTTP/1.1")},
        {"angles in the target", bad_request_line, with_line("GET /<a> HTTP/1.1")},
        {"obs-text in the target", bad_request_line, with_line("GET /\xc3\xa9 HTTP/1.1")},
        {"another scheme", bad_request_line, with_line("GET ftp://a/ HTTP/1.1")},
        {"a scheme without host", bad_request_line, with_line("GET http:///a HTTP/1.1")},
        {"userinfo in an absolute target", bad_request_line, with_line("GET http://u@a/ HTTP/1.1")},
        {"a bad port in an absolute target", bad_request_line, with_line("GET http://a:b/ HTTP/1.1")},
        {"one slash behind the scheme", bad_request_line, with_line("GET http:/a HTTP/1.1")},
        {"CONNECT to a path", bad_request_line, with_line("CONNECT / HTTP/1.1")},
        {"CONNECT without port", bad_request_line, with_line("CONNECT a HTTP/1.1")},
        {"CONNECT to a number", bad_request_line, with_line("CONNECT 443 HTTP/1.1")},
        {"CONNECT to a URL", bad_request_line, with_line("CONNECT http://a:80/ HTTP/1.1")},
        {"two empty lines in front", bad_request_line, "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"s},
        {"a TLS handshake", tls_bytes, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s},
        {"one byte of TLS", tls_bytes, "\x16"s},
        {"an SSH greeting", bad_request_line, "SSH-2.0-OpenSSH_9.2\r\n"s},
        {"bytes of UTF-8 with a mark", bad_request_line, "\xef\xbb\xbfGET / HTTP/1.1\r\nHost: a\r\n\r\n"s},
        // limits
        {"a target of 8 KiB and a byte", target_too_long, with_line("GET " + std::string(8193, '/') + " HTTP/1.1")},
        {"a target of 20 KiB", target_too_long, with_line("GET /" + std::string(20'000, 'a') + " HTTP/1.1")},
        {"an endless target", target_too_long, "GET /" + std::string(9'000, 'a')},
        {"a header of 32 KiB and a byte", head_too_large, head_of(32 * 1024 + 1)},
        {"an endless value", head_too_large, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(33'000, 'a')},
        {"an endless name", head_too_large, "GET / HTTP/1.1\r\nHost: a\r\n" + std::string(33'000, 'a')},
        {"101 fields", too_many_fields, with(repeated("X: y\r\n", 100) + "X: y")},
    };
    return rows;
}

}  // namespace

TEST_CASE("a malformed or ambiguous request is refused for what is wrong with it", "[http][malformed]") {
    for (Row const& row : malformed_requests()) {
        CAPTURE(row.name);
        CHECK(fed_whole<RequestHeadParser>(row.bytes) == Verdict{HeadState::error, row.error});
    }
}

TEST_CASE("the verdict on a malformed request is the same wherever the network cuts it", "[http][malformed]") {
    for (Row const& row : malformed_requests()) {
        if (row.bytes.size() > 2000) continue;  // those have a test of their own below
        CAPTURE(row.name);
        CHECK(cut_that_changes<RequestHeadParser>({HeadState::error, row.error}, row.bytes) == std::string::npos);
    }
}

TEST_CASE("the verdict on an oversized request is the same whatever the size of the reads", "[http][malformed]") {
    auto const piece = GENERATE(std::size_t{61}, 512, 4096, 16384);
    for (Row const& row : malformed_requests()) {
        CAPTURE(row.name, piece);
        RequestHeadParser parser;
        Verdict verdict;
        for (std::size_t end = piece; verdict.state == HeadState::need_more; end += piece) {
            verdict = testing::verdict_of(parser, std::string_view(row.bytes).substr(0, end));
            if (end > row.bytes.size()) break;
        }
        CHECK(verdict == Verdict{HeadState::error, row.error});
    }
}

TEST_CASE("an error is final until the parser is reset", "[http][malformed]") {
    RequestHeadParser parser;
    std::string const bad = with("X : a");
    REQUIRE(parser.parse(bad) == HeadState::error);
    CHECK(parser.parse(with("X: a")) == HeadState::error);
    CHECK(parser.error() == bad_header);
    parser.reset();
    CHECK(parser.parse(with("X: a")) == HeadState::complete);
    CHECK(parser.error() == none);
}

TEST_CASE("every refusal is told with a status of its kind, a code and a sentence", "[http][malformed]") {
    for (Row const& row : malformed_requests()) {
        CAPTURE(row.name);
        RefusalInfo const info = describe(row.error);
        CHECK((info.status == 400 || info.status == 414 || info.status == 431 || info.status == 501 ||
               info.status == 505));
        CHECK(!info.code.empty());
        CHECK(info.message.ends_with('.'));
    }
    CHECK(describe(conflicting_length).code == "invalid_framing");
    CHECK(describe(unknown_transfer_encoding).status == 501);
    CHECK(describe(target_too_long).status == 414);
    CHECK(describe(head_too_large).status == 431);
    CHECK(describe(too_many_fields).status == 431);
    CHECK(describe(version_not_supported).status == 505);
}

}  // namespace sluice::http

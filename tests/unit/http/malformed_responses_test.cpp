#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "server/http/response_head.hpp"
#include "tests/unit/http/feeding.hpp"

// ROBUSTNESS.md section 6, "malformed answer", as a table.
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

std::string with(std::string const& fields) { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n"; }
std::string with_line(std::string const& line) { return line + "\r\nServer: a\r\n\r\n"; }

std::string many_fields(int count) {
    std::string all = "X: y";
    for (int i = 1; i < count; ++i) all += "\r\nX: y";
    return all;
}

std::vector<Row> const& malformed_responses() {
    static std::vector<Row> const rows{
        // the length of the body
        {"two lengths, the same", conflicting_length, with("Content-Length: 5\r\nContent-Length: 5")},
        {"two lengths", conflicting_length, with("Content-Length: 5\r\nContent-Length: 6")},
        {"a listed length", bad_content_length, with("Content-Length: 5, 5")},
        {"an empty length", bad_content_length, with("Content-Length:")},
        {"a signed length", bad_content_length, with("Content-Length: -1")},
        {"a length with a plus", bad_content_length, with("Content-Length: +1")},
        {"a hexadecimal length", bad_content_length, with("Content-Length: 0x10")},
        {"a spaced length", bad_content_length, with("Content-Length: 1 0")},
        {"an overflowing length", bad_content_length, with("Content-Length: 18446744073709551617")},
        {"a length beside a coding", conflicting_length, with("Content-Length: 5\r\nTransfer-Encoding: chunked")},
        {"a coding beside a length", conflicting_length, with("Transfer-Encoding: chunked\r\nContent-Length: 5")},
        {"two codings", bad_transfer_encoding, with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")},
        {"chunked, chunked", bad_transfer_encoding, with("Transfer-Encoding: chunked, chunked")},
        {"chunked, identity", bad_transfer_encoding, with("Transfer-Encoding: chunked, identity")},
        {"an empty coding", bad_transfer_encoding, with("Transfer-Encoding:")},
        {"gzip, chunked", unknown_transfer_encoding, with("Transfer-Encoding: gzip, chunked")},
        {"gzip", unknown_transfer_encoding, with("Transfer-Encoding: gzip")},
        {"identity", unknown_transfer_encoding, with("Transfer-Encoding: identity")},
        {"chunked in HTTP/1.0", bad_transfer_encoding, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"s},
        {"204 with a body", conflicting_length, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"s},
        {"204 with a coding", bad_transfer_encoding, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"s},
        {"100 with a body", conflicting_length, "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n"s},
        {"103 with a coding", bad_transfer_encoding, "HTTP/1.1 103 Hints\r\nTransfer-Encoding: chunked\r\n\r\n"s},
        // line ends, control bytes, folding, names
        {"NUL in a value", control_byte, with("X: a\0b"s)},
        {"NUL in the reason", control_byte, with_line("HTTP/1.1 200 O\0K"s)},
        {"escape in the reason", control_byte, with_line("HTTP/1.1 200 \x1b[0m")},
        {"DEL in a value", control_byte, with("X: \x7f")},
        {"bare LF behind the status line", bare_lf, "HTTP/1.1 200 OK\nX: y\r\n\r\n"s},
        {"bare LF as the blank line", bare_lf, "HTTP/1.1 200 OK\r\nX: y\r\n\n"s},
        {"bare CR in a value", bare_lf, with("X: a\rb")},
        {"a folded line", folded, with("X: a\r\n b")},
        {"a folded length", folded, with("Content-Length: 1\r\n\t0")},
        {"space before the colon", bad_header, with("Content-Length : 5")},
        {"an empty name", bad_header, with(": a")},
        {"a name that is no token", bad_header, with("X(Y): a")},
        {"a line without colon", bad_header, with("abc")},
        {"a Connection that is no list of tokens", bad_header, with("Connection: closegzip, chunkedgth: 5")},
        // the status line
        {"an empty line in front", bad_status_line, "\r\nHTTP/1.1 200 OK\r\n\r\n"s},
        {"a blank in front", bad_status_line, with_line(" HTTP/1.1 200 OK")},
        {"another protocol", bad_status_line, with_line("ICY 200 OK")},
        {"small letters", bad_status_line, with_line("http/1.1 200 OK")},
        {"a request", bad_status_line, with_line("GET / HTTP/1.1")},
        {"HTML", bad_status_line, "<html><body>502</body></html>"s},
        {"an event stream without a head", bad_status_line, "data: {}\n\n"s},
        {"two blanks before the status", bad_status_line, with_line("HTTP/1.1  200 OK")},
        {"a status of two digits", bad_status_line, with_line("HTTP/1.1 20 OK")},
        {"a status of four digits", bad_status_line, with_line("HTTP/1.1 2000 OK")},
        {"a status of letters", bad_status_line, with_line("HTTP/1.1 abc OK")},
        {"a signed status", bad_status_line, with_line("HTTP/1.1 -20 OK")},
        {"a status below 100", bad_status_line, with_line("HTTP/1.1 099 OK")},
        {"a status above 599", bad_status_line, with_line("HTTP/1.1 600 OK")},
        {"no status", bad_status_line, with_line("HTTP/1.1")},
        {"a reason without blank", bad_status_line, with_line("HTTP/1.1 200OK")},
        {"a tab behind the status", bad_status_line, with_line("HTTP/1.1 200\tOK")},
        {"HTTP/2.0", version_not_supported, with_line("HTTP/2.0 200 OK")},
        {"HTTP/1.2", version_not_supported, with_line("HTTP/1.2 200 OK")},
        {"HTTP/0.9", version_not_supported, with_line("HTTP/0.9 200 OK")},
        {"a TLS alert", tls_bytes, "\x16\x03\x01"s},
        // limits
        {"a head of more than 64 KiB", head_too_large, with("X: " + std::string(64 * 1024, 'a'))},
        {"an endless reason", head_too_large, "HTTP/1.1 200 " + std::string(70'000, 'a')},
        {"more than 256 fields", too_many_fields, with(many_fields(257))},
    };
    return rows;
}

}  // namespace

TEST_CASE("a malformed answer is refused for what is wrong with it", "[http][malformed]") {
    for (Row const& row : malformed_responses()) {
        CAPTURE(row.name);
        CHECK(fed_whole<ResponseHeadParser>(row.bytes) == Verdict{HeadState::error, row.error});
    }
}

TEST_CASE("the verdict on a malformed answer is the same wherever the network cuts it", "[http][malformed]") {
    for (Row const& row : malformed_responses()) {
        if (row.bytes.size() > 2000) continue;
        CAPTURE(row.name);
        CHECK(cut_that_changes<ResponseHeadParser>({HeadState::error, row.error}, row.bytes) == std::string::npos);
    }
}

TEST_CASE("an answer to HEAD is judged as strictly as any other", "[http][malformed]") {
    for (Row const& row : malformed_responses()) {
        CAPTURE(row.name);
        ResponseHeadParser parser;
        CHECK(parser.parse(row.bytes, Asked::head) == HeadState::error);
        CHECK(parser.error() == row.error);
    }
}

}  // namespace sluice::http

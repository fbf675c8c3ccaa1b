// The bytes of an upstream's connection, answer for answer, with the promises of http_request.cpp.
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <string_view>

#include "server/http/response_head.hpp"
#include "tests/fuzz/http_heads.hpp"
#include "tests/fuzz/http_messages.hpp"
#include "tests/fuzz/http_mutator.hpp"

namespace sluice::fuzz {

namespace {

namespace beast = boost::beast;

void compare_with_beast(http::ResponseHead const& head, std::string_view bytes) {
    beast::http::response_parser<beast::http::buffer_body> parser;
    parser.header_limit(128 * 1024);
    parser.body_limit(boost::none);
    if (head.count("proxy-connection") > 0) return;  // Beast takes it for Connection, to us it is any field
    bool const without_blank = bytes.substr(12).starts_with("\r\n");
    if (without_blank) return;  // which Beast does not accept
    beast::error_code ec;
    parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
    require(parser.is_header_done(), "Beast accepts the head");
    auto const& message = parser.get();
    require(message.result_int() == static_cast<unsigned>(head.status), "same status");
    if (!head.reason.empty()) {  // where there is none, Beast shows one of its own
        require(head.reason == std::string_view(message.reason()), "same reason");
    }
    require(message.version() == 10U + static_cast<unsigned>(head.minor_version), "same version");
    require(our_fields(head.fields) == beast_fields(message), "same fields");
    bool const never = head.status < 200 || head.status == 204 || head.status == 304;
    if (never) return require(head.body == http::BodyKind::none, "no body");
    require(parser.chunked() == (head.body == http::BodyKind::chunked), "same coding");
    auto const length = parser.content_length();
    require((length ? *length : 0) == head.content_length, "same length");
    require((!length && !parser.chunked()) == (head.body == http::BodyKind::until_close), "same end");
    require(head.body != http::BodyKind::until_close || !head.keep_alive, "the end of the connection ends it");
}

/// The parser's verdict on what `bytes` begin with, the same at every cut. The head's views lie in `bytes`.
http::HeadState parse(http::ResponseHeadParser& parser, std::string_view bytes, http::HeadLimits const& limits,
                      http::Asked asked) {
    parser.reset();
    http::HeadState const state = parser.parse(bytes, asked);
    http::ResponseHeadParser other(limits);
    std::unique_ptr<char[]> buffer;
    auto const in_pieces = feed_in_pieces(
        bytes, buffer, [&other, asked](std::string_view buffered) { return other.parse(buffered, asked); });
    require(in_pieces == state && parser.error() == other.error(), "the same verdict at every cut");
    if (state != http::HeadState::complete) return state;
    require(other.head().fields == parser.head().fields, "the same fields at every cut");
    require(other.head().body == parser.head().body, "the same kind of body at every cut");
    return state;
}

void read_connection(std::string_view bytes, http::HeadLimits const& limits, http::Asked asked, Tally& tally) {
    http::ResponseHeadParser parser(limits);
    while (!bytes.empty()) {
        auto const state = parse(parser, bytes, limits, asked);
        auto const strict = strict_response(bytes, limits, asked == http::Asked::head);
        require(strict.has_value() == (state == http::HeadState::complete), "both accept, or none");
        if (!strict) {
            ++tally.refused;
            return;
        }
        auto const& head = parser.head();
        require(head.status == strict->status && head.reason == strict->reason, "the same status");
        require_same_message(head, *strict);
        require_clean_bytes(bytes.substr(0, head.size));
        if (asked == http::Asked::other) compare_with_beast(head, bytes.substr(0, head.size));
        std::size_t body = 0;
        if (!same_body(head.body, head.content_length, bytes.substr(head.size), body)) return;
        ++tally.accepted;
        if (!head.keep_alive) return;
        bytes.remove_prefix(head.size + body);
    }
}

}  // namespace

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace sluice;
    static fuzz::Tally tally("answers");
    static fuzz::Tally head_tally("answers to HEAD within narrow limits");
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    fuzz::read_connection(bytes, http::response_head_limits, http::Asked::other, tally);
    constexpr http::HeadLimits narrow{.head = 200, .fields = 4, .target = 0};
    fuzz::read_connection(bytes, narrow, http::Asked::head, head_tally);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    return sluice::fuzz::mutate_http(data, size, most, seed,
                                     {"Content-Length: 0",
                                      "Content-Length: 5",
                                      "Content-Length: 5,5",
                                      "Content-Length: -1",
                                      "Transfer-Encoding: chunked",
                                      "transfer-encoding: CHUNKED ",
                                      "Transfer-Encoding: chunked, chunked",
                                      "Transfer-Encoding: gzip",
                                      "Transfer-Encoding: identity",
                                      "Connection: close",
                                      "Connection: keep-alive",
                                      "HTTP/1.1 100 Continue\r\n",
                                      "HTTP/1.1 204 ",
                                      "HTTP/1.1 304 Not Modified",
                                      "Content-Encoding: br",
                                      "a:",
                                      " folded",
                                      "Content-Length\x01: 5",
                                      "X: \x80\xFF",
                                      ": nameless",
                                      "no colon",
                                      "Set-Cookie: a=b"});
}

// The bytes of a client's connection, message for message as a session reads them. The verdict on a head does not
// depend on the cuts; a second parser, strict and written in another way, accepts the same messages with the same
// method, target, fields and body, and refuses the same; and whatever we accept, Beast reads alike.
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <string>
#include <string_view>

#include "server/http/request_head.hpp"
#include "tests/fuzz/http_heads.hpp"
#include "tests/fuzz/http_messages.hpp"
#include "tests/fuzz/http_mutator.hpp"

namespace sluice::fuzz {

namespace {

namespace beast = boost::beast;

void compare_with_beast(http::RequestHead const& head, std::string_view bytes) {
    beast::http::request_parser<beast::http::buffer_body> parser;
    parser.header_limit(64 * 1024);
    parser.body_limit(boost::none);
    if (head.count("proxy-connection") > 0) return;  // Beast takes it for Connection, to us it is any field
    beast::error_code ec;
    parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
    require(parser.is_header_done(), "Beast accepts the head");
    auto const& message = parser.get();
    require(head.method == std::string_view(message.method_string()), "same method");
    std::string_view const target = message.target();
    if (head.target == "/" && target != "/") {
        require(target.find("://") != std::string_view::npos, "only an absolute target loses its host");
    } else {
        require(target.ends_with(head.target), "same target");
        require(target == head.target || lower_case(target).starts_with("http"), "only an absolute one is shortened");
    }
    require(message.version() == 10U + static_cast<unsigned>(head.minor_version), "same version");
    require(our_fields(head.fields) == beast_fields(message), "same fields");
    require(parser.chunked() == (head.body == http::BodyKind::chunked), "same coding");
    auto const length = parser.content_length();
    require((length ? *length : 0) == head.content_length, "same length");
    require((head.content_length > 0) == (head.body == http::BodyKind::length), "a length is a body");
}

void check_accepted(http::RequestHead const& head, std::string_view bytes) {
    require(head.size <= bytes.size(), "the head lies in the input");
    bytes = bytes.substr(0, head.size);
    if (bytes.starts_with("\r\n")) bytes.remove_prefix(2);
    require_clean_bytes(bytes);
    require(head.count("host") <= 1 && head.count("content-length") <= 1, "one Host, one length");
    require(head.count("transfer-encoding") + head.count("content-length") <= 1, "a length or a coding");
    require(head.minor_version == 0 || head.count("host") == 1, "a Host in HTTP/1.1");
    compare_with_beast(head, bytes);
}

/// The parser's verdict on what `bytes` begin with, the same at every cut. The head's views lie in `bytes`.
http::HeadState parse(http::RequestHeadParser& parser, std::string_view bytes, http::HeadLimits const& limits) {
    parser.reset();
    http::HeadState const state = parser.parse(bytes);
    http::RequestHeadParser other(limits);
    std::unique_ptr<char[]> buffer;
    auto const in_pieces =
        feed_in_pieces(bytes, buffer, [&other](std::string_view buffered) { return other.parse(buffered); });
    require(in_pieces == state && parser.error() == other.error(), "the same verdict at every cut");
    if (state != http::HeadState::complete) return state;
    require(other.head().fields == parser.head().fields, "the same fields at every cut");
    require(other.head().target == parser.head().target, "the same target at every cut");
    require(other.head().size == parser.head().size, "the same size at every cut");
    return state;
}

void read_connection(std::string_view bytes, http::HeadLimits const& limits, Tally& tally) {
    http::RequestHeadParser parser(limits);
    while (!bytes.empty()) {
        auto const state = parse(parser, bytes, limits);
        auto const strict = strict_request(bytes, limits);
        require(strict.has_value() == (state == http::HeadState::complete), "both accept, or none");
        if (!strict) {
            ++tally.refused;
            return;
        }
        auto const& head = parser.head();
        require(head.method == strict->method && head.target == strict->target, "the same method and target");
        require_same_message(head, *strict);
        check_accepted(head, bytes);
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
    static sluice::fuzz::Tally tally("requests");
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    sluice::fuzz::read_connection(bytes, {}, tally);
    constexpr sluice::http::HeadLimits narrow{.head = 200, .fields = 4, .target = 24};
    static sluice::fuzz::Tally narrow_tally("requests within narrow limits");
    sluice::fuzz::read_connection(bytes, narrow, narrow_tally);
    return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most, unsigned seed) {
    return sluice::fuzz::mutate_http(data, size, most, seed,
                                     {"Host: a",
                                      "Host: a:80",
                                      "host: [::1]:80",
                                      "Host: a,b",
                                      "Host:",
                                      "Content-Length: 0",
                                      "Content-Length: 5",
                                      "Content-Length: +5",
                                      "Content-Length: 5,5",
                                      "Content-Length: 0x5",
                                      "Transfer-Encoding: chunked",
                                      "transfer-encoding: CHUNKED ",
                                      "Transfer-Encoding: chunked, identity",
                                      "Transfer-Encoding: gzip",
                                      "Transfer-Encoding: chunked,",
                                      "Transfer-Encoding : chunked",
                                      "Connection: close",
                                      "Connection: keep-alive",
                                      "Connection: close, content-length",
                                      "Connection: ,",
                                      "Expect: 100-continue",
                                      "Upgrade: h2c",
                                      "X_a: b",
                                      "a:",
                                      " folded",
                                      "Content-Length\x01: 5",
                                      "X: \x80\xFF",
                                      ": nameless",
                                      "no colon"});
}

// Heads of answers, with the promises of http_request.cpp.
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <string_view>

#include "server/http/response_head.hpp"
#include "tests/fuzz/http_heads.hpp"

namespace sluice::fuzz {

namespace {

namespace beast = boost::beast;

void compare_with_beast(http::ResponseHead const& head, std::string_view bytes) {
    beast::http::response_parser<beast::http::buffer_body> parser;
    parser.header_limit(128 * 1024);
    parser.body_limit(boost::none);
    if (head.count("proxy-connection") > 0) return;  // Beast takes it for Connection, to us it is any field
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

}  // namespace

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace sluice;
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    http::ResponseHeadParser whole;
    http::HeadState const state = whole.parse(bytes);

    http::ResponseHeadParser parser;
    std::unique_ptr<char[]> buffer;
    auto const in_pieces = fuzz::feed_in_pieces(
        bytes, buffer, [&parser](std::string_view buffered) { return parser.parse(buffered, http::Asked::head); });
    fuzz::require(in_pieces == state && parser.error() == whole.error(), "the same verdict at every cut");
    if (state != http::HeadState::complete) return 0;
    fuzz::require(parser.head().fields == whole.head().fields, "the same fields at every cut");
    fuzz::require(parser.head().body == http::BodyKind::none, "an answer to HEAD has no body");
    http::ResponseHead const& head = whole.head();
    std::string_view const accepted = bytes.substr(0, head.size);
    fuzz::require_clean_bytes(accepted);
    bool const without_blank = accepted.substr(12).starts_with("\r\n");  // which Beast does not accept
    if (!without_blank) fuzz::compare_with_beast(head, accepted);
    return 0;
}

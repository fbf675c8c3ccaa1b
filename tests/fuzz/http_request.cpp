// Heads of requests. Two promises: the verdict does not depend on the cuts, and whatever we accept, Beast's parser
// accepts too, with the same method, target, fields and length. (Beast accepts much that we refuse.)
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <string>
#include <string_view>

#include "server/http/request_head.hpp"
#include "server/http/target.hpp"
#include "tests/fuzz/http_heads.hpp"

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
        require(target == head.target || target.starts_with("http") || target.starts_with("HTTP") ||
                    lower_case(target).starts_with("http"),
                "only an absolute target is shortened");
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

void check_target(std::string_view target) {
    std::string scratch;
    auto const normal = http::normalise(target, scratch);
    if (!normal) return;
    std::string_view const path = normal->path;
    require(path.starts_with('/') && path.find("//") == std::string_view::npos, "single slashes");
    require(path == "/" || !path.ends_with('/'), "no trailing slash");
    std::string again;
    require(http::normalise(path, again)->path == path, "normal is normal");
    auto const id = http::decode_id(path.substr(1));
    if (id) require(id->find("/../") == std::string::npos && id->find('\0') == std::string::npos, "a harmless id");
}

}  // namespace

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace sluice;
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    http::RequestHeadParser whole;
    http::HeadState const state = whole.parse(bytes);

    http::RequestHeadParser parser;
    std::unique_ptr<char[]> buffer;
    auto const in_pieces =
        fuzz::feed_in_pieces(bytes, buffer, [&parser](std::string_view buffered) { return parser.parse(buffered); });
    fuzz::require(in_pieces == state && parser.error() == whole.error(), "the same verdict at every cut");
    if (state != http::HeadState::complete) return 0;
    fuzz::require(parser.head().fields == whole.head().fields, "the same fields at every cut");
    fuzz::require(parser.head().target == whole.head().target, "the same target at every cut");
    fuzz::require(parser.head().size == whole.head().size, "the same size at every cut");
    fuzz::check_accepted(whole.head(), bytes);
    fuzz::check_target(whole.head().target);
    return 0;
}

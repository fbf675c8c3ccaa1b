// Chunked bodies. The in-place decoder with cuts against a decoder that sees the whole text and was written in another
// way: line by line, by the grammar of RFC 9112 7.1. What both accept, Beast must not read differently.
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <string>
#include <string_view>

#include "tests/fuzz/http_messages.hpp"

namespace sluice::fuzz {

namespace {

void compare_with_beast(std::string const& payload, std::string_view wire) {
    boost::beast::http::response_parser<boost::beast::http::string_body> parser;
    parser.eager(true);
    parser.body_limit(boost::none);
    std::string const message = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(wire);
    boost::beast::error_code ec;
    for (std::size_t used = 0; used < message.size() && !ec && !parser.is_done();) {
        std::size_t const taken = parser.put(boost::asio::buffer(message.data() + used, message.size() - used), ec);
        if (taken == 0) break;
        used += taken;
    }
    if (!ec && parser.is_done()) require(parser.get().body() == payload, "Beast reads the same payload");
}

}  // namespace

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    static sluice::fuzz::Tally tally("bodies");
    std::string_view const wire(reinterpret_cast<char const*>(data), size);
    std::size_t consumed = 0;
    std::string payload;
    if (sluice::fuzz::same_chunks(wire, consumed, payload)) {
        ++tally.accepted;
        sluice::fuzz::compare_with_beast(payload, wire.substr(0, consumed));
    } else {
        ++tally.refused;
    }
    return 0;
}

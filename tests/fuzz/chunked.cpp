// Chunked bodies. The in-place decoder with cuts against a decoder that sees the whole text and was written in another
// way: line by line, by the grammar of RFC 9112 7.1. What both accept, Beast must not read differently.
#include <algorithm>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "server/http/chunked.hpp"
#include "tests/fuzz/cuts.hpp"

namespace sluice::fuzz {

namespace {

enum class End : std::uint8_t { done, incomplete, error };

struct Decoded {
    std::string payload;
    std::size_t consumed = 0;
    End end = End::incomplete;
    http::ChunkError error = http::ChunkError::none;
};

bool is_token_byte(char c) { return http::is_token({&c, 1}); }

/// Eats the grammar off the front of a line.
struct Line {
    std::string_view rest;

    bool eat(char c) {
        if (!rest.starts_with(c)) return false;
        rest.remove_prefix(1);
        return true;
    }
    void eat_blanks() {
        while (eat(' ') || eat('\t')) {
        }
    }
    bool eat_token() {
        std::size_t size = 0;
        while (size < rest.size() && is_token_byte(rest[size])) ++size;
        rest.remove_prefix(size);
        return size > 0;
    }
    bool eat_quoted() {
        while (!rest.empty() && rest[0] != '"') rest.remove_prefix(rest[0] == '\\' && rest.size() > 1 ? 2 : 1);
        return eat('"');
    }
    bool eat_extension() {
        eat_blanks();
        if (!eat(';')) return false;
        eat_blanks();
        if (!eat_token()) return false;
        Line value{rest};
        value.eat_blanks();
        if (!value.eat('=')) return true;
        value.eat_blanks();
        bool const good = value.eat('"') ? value.eat_quoted() : value.eat_token();
        rest = value.rest;
        return good;
    }
};

/// False if the line is none; `size` is the number of bytes announced.
bool parse_size_line(std::string_view text, std::uint64_t& size) {
    std::size_t const digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
    if (digits == 0 || digits > 15 || !http::is_field_value(text)) return false;
    size = std::stoull(std::string(text.substr(0, digits)), nullptr, 16);
    Line line{text.substr(digits)};
    while (!line.rest.empty()) {
        if (!line.eat_extension()) return false;
    }
    return true;
}

bool is_trailer(std::string_view text) {
    Line line{text};
    return line.eat_token() && line.eat(':') && http::is_field_value(line.rest);
}

Decoded decode_by_the_book(std::string_view wire) {
    Decoded decoded;
    std::string_view rest = wire;
    auto const finish = [&decoded, &rest, wire](End end) {
        decoded.end = end;
        decoded.consumed = wire.size() - rest.size();
        return decoded;
    };
    bool trailers = false;
    for (;;) {
        std::size_t const end = rest.find("\r\n");
        if (end == std::string_view::npos) return finish(End::incomplete);
        std::string_view const line = rest.substr(0, end);
        std::uint64_t size = 0;
        if (trailers && !line.empty() && !is_trailer(line)) return finish(End::error);
        if (!trailers && !parse_size_line(line, size)) return finish(End::error);
        rest.remove_prefix(end + 2);
        if (trailers && line.empty()) return finish(End::done);
        trailers = trailers || size == 0;
        if (trailers) continue;
        decoded.payload += rest.substr(0, size);
        if (rest.size() < size + 2) return finish(End::incomplete);
        if (rest.substr(size, 2) != "\r\n") return finish(End::error);
        rest.remove_prefix(size + 2);
    }
}

Decoded decode_in_place(std::string_view wire) {
    Cuts cuts(wire);
    http::ChunkedDecoder decoder;
    Decoded decoded;
    while (decoded.consumed < wire.size()) {
        std::size_t const size = cuts.piece(wire.size() - decoded.consumed);
        auto piece = std::make_unique<char[]>(size);
        wire.copy(piece.get(), size, decoded.consumed);
        auto const step = decoder.decode(piece.get(), size);
        require(step.payload <= step.consumed && step.consumed <= size, "nothing is made up");
        decoded.payload.append(piece.get(), step.payload);
        decoded.consumed += step.consumed;
        require(decoder.announced() >= decoded.payload.size(), "what arrived was announced");
        decoded.error = step.error;
        if (step.done) decoded.end = End::done;
        if (step.error != http::ChunkError::none) decoded.end = End::error;
        if (decoded.end != End::incomplete) return decoded;
        require(step.consumed == size, "everything is used until the end");
    }
    return decoded;
}

void compare_with_beast(Decoded const& decoded, std::string_view wire) {
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
    if (!ec && parser.is_done()) require(parser.get().body() == decoded.payload, "Beast reads the same payload");
}

}  // namespace

}  // namespace sluice::fuzz

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    using namespace sluice::fuzz;
    using sluice::http::ChunkError;
    std::string_view const wire(reinterpret_cast<char const*>(data), size);
    Decoded const expected = decode_by_the_book(wire);
    Decoded const decoded = decode_in_place(wire);
    if (decoded.error == ChunkError::extensions_too_large || decoded.error == ChunkError::trailers_too_large) return 0;
    if (expected.end == End::error) require(decoded.end == End::error, "an error is an error");
    require((expected.end == End::done) == (decoded.end == End::done), "the end is the end");
    if (decoded.end == End::error) return 0;  // it may come before the line is whole
    require(expected.payload == decoded.payload, "the same payload");
    if (decoded.end != End::done) return 0;
    require(expected.consumed == decoded.consumed, "the same bytes are left");
    compare_with_beast(decoded, wire.substr(0, decoded.consumed));
    return 0;
}

#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/chunked.hpp"
#include "server/http/head.hpp"
#include "tests/fuzz/cuts.hpp"
#include "tests/fuzz/strict_http.hpp"

// What both HTTP targets do with the bytes of a connection: message for message, the gateway's parsers and the strict
// ones beside each other.
namespace sluice::fuzz {

/// Counts what was compared, and says it at the end: an agreement about nothing would be worth nothing.
class Tally {
public:
    explicit Tally(char const* what) : what_(what) {}
    Tally(Tally const&) = delete;
    Tally& operator=(Tally const&) = delete;
    ~Tally() {
        std::fprintf(stderr, "compared: %llu %s accepted by both, %llu refused by both\n", accepted, what_, refused);
    }
    unsigned long long accepted = 0;
    unsigned long long refused = 0;

private:
    char const* what_;
};

inline void require_same_fields(std::vector<http::Field> const& ours, StrictHead const& strict) {
    require(ours.size() == strict.fields.size(), "as many fields");
    for (std::size_t i = 0; i < ours.size(); ++i) {
        require(ours[i].name == strict.fields[i].first && ours[i].value == strict.fields[i].second, "the same fields");
    }
}

/// The parts of a head that requests and answers share.
template <class Head>
void require_same_message(Head const& ours, StrictHead const& strict) {
    require(ours.size == strict.size, "the body begins at the same byte");
    require(ours.minor_version == strict.minor_version, "the same version");
    require(ours.body == strict.body, "the same kind of body");
    require(ours.content_length == strict.length, "the same length");
    require(ours.keep_alive == strict.keep_alive, "the same life of the connection");
    require_same_fields(ours.fields, strict);
}

/// With cuts, in buffers of their own size.
inline StrictChunks decode_in_pieces(std::string_view wire, bool& over_limit) {
    Cuts cuts(wire);
    http::ChunkedDecoder decoder;
    StrictChunks decoded;
    while (decoded.consumed < wire.size()) {
        std::size_t const size = cuts.piece(wire.size() - decoded.consumed);
        auto piece = std::make_unique<char[]>(size);
        wire.copy(piece.get(), size, decoded.consumed);
        auto const step = decoder.decode(piece.get(), size);
        require(step.payload <= step.consumed && step.consumed <= size, "nothing is made up");
        decoded.payload.append(piece.get(), step.payload);
        decoded.consumed += step.consumed;
        require(decoder.announced() >= decoded.payload.size(), "what arrived was announced");
        using enum http::ChunkError;
        over_limit = step.error == extensions_too_large || step.error == trailers_too_large;
        if (step.done) decoded.end = StrictChunks::End::done;
        if (step.error != none) decoded.end = StrictChunks::End::error;
        if (decoded.end != StrictChunks::End::incomplete) return decoded;
        require(step.consumed == size, "everything is used until the end");
    }
    return decoded;
}

/// Both decoders over the same bytes; true if the body is whole, and `consumed` says where it ends.
inline bool same_chunks(std::string_view wire, std::size_t& consumed, std::string& payload) {
    using End = StrictChunks::End;
    auto strict = strict_chunks(wire);
    bool over_limit = false;
    auto const ours = decode_in_pieces(wire, over_limit);
    if (over_limit) return false;
    if (strict.end == End::error) require(ours.end == End::error, "an error is an error");
    require((strict.end == End::done) == (ours.end == End::done), "the end is the end");
    if (ours.end == End::error) return false;  // ours may come before the line is whole
    require(strict.payload == ours.payload, "the same payload");
    if (ours.end != End::done) return false;
    require(strict.consumed == ours.consumed, "the same bytes are left");
    consumed = ours.consumed;
    payload = std::move(strict.payload);
    return true;
}

/// The bytes of the body behind a head; false if they are not all there or not to be trusted.
inline bool same_body(http::BodyKind kind, std::uint64_t length, std::string_view rest, std::size_t& size) {
    std::string payload;
    switch (kind) {
        case http::BodyKind::none:
            size = 0;
            return true;
        case http::BodyKind::length:
            size = static_cast<std::size_t>(length);
            return length <= rest.size();
        case http::BodyKind::chunked:
            return same_chunks(rest, size, payload);
        case http::BodyKind::until_close:
            size = rest.size();
            return true;
    }
    return false;
}

}  // namespace sluice::fuzz

#include "server/http/chunked.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "server/http/characters.hpp"

namespace sluice::http {

namespace {

/// 15 digits: 2^60 - 1, so that neither a signed number nor a sum of two can overflow anywhere.
constexpr std::size_t most_digits = 15;

}  // namespace

RefusalInfo describe(ChunkError error) {
    switch (error) {
        case ChunkError::extensions_too_large:
            return {413, "request_too_large", "The chunk extensions of the body are too large."};
        case ChunkError::trailers_too_large:
            return {431, "header_too_large", "The trailer section is too large."};
        case ChunkError::bad_trailer:
            return {400, "invalid_framing", "The trailer section is malformed."};
        case ChunkError::bad_extension:
            return {400, "invalid_framing", "A chunk extension is malformed."};
        case ChunkError::none:
            return {500, "internal_error", "The body was not refused."};
        default:
            return {400, "invalid_framing", "The chunked body is malformed."};
    }
}

ChunkedDecoder::Step ChunkedDecoder::decode(char* data, std::size_t size) {
    Step step;
    while (step.consumed < size && state_ != State::done && state_ != State::failed) {
        if (state_ != State::data) {
            std::size_t const skipped = skip_plain_size({data + step.consumed, size - step.consumed});
            step.consumed += skipped;
            if (skipped == 0) take(data[step.consumed++]);
            continue;
        }
        std::size_t const here = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, size - step.consumed));
        if (step.payload != step.consumed) std::memmove(data + step.payload, data + step.consumed, here);
        step.payload += here;
        step.consumed += here;
        remaining_ -= here;
        received_ += here;
        if (remaining_ == 0) state_ = State::data_cr;
    }
    step.done = done();
    step.error = error_;
    return step;
}

std::size_t ChunkedDecoder::skip_plain_size(std::string_view bytes) {
    if (state_ != State::size_first && state_ != State::data_cr) return 0;
    std::size_t at = 0;
    if (state_ == State::data_cr) {
        if (!bytes.starts_with("\r\n")) return 0;
        at = 2;
    }
    std::size_t const begin = at;
    std::uint64_t chunk = 0;
    for (int digit = 0; at < bytes.size() && (digit = hex_value(bytes[at])) >= 0; ++at) {
        if (at - begin == most_digits) return 0;
        chunk = chunk * 16 + static_cast<std::uint64_t>(digit);
    }
    if (chunk == 0 || !bytes.substr(at).starts_with("\r\n")) return 0;
    remaining_ = chunk;
    state_ = State::data;
    return at + 2;
}

void ChunkedDecoder::reset() { *this = ChunkedDecoder(limits_); }

void ChunkedDecoder::fail(ChunkError error) {
    state_ = State::failed;
    error_ = error;
}

void ChunkedDecoder::expect(char c, char wanted, ChunkError otherwise, State next) {
    if (c != wanted) return fail(otherwise);
    state_ = next;
}

bool ChunkedDecoder::count(std::size_t& counter, std::size_t limit, ChunkError error) {
    if (++counter <= limit) return true;
    fail(error);
    return false;
}

void ChunkedDecoder::take(char c) {
    switch (state_) {
        case State::size_first:
        case State::size:
        case State::size_blank:
            return take_size(c);
        case State::size_lf:
            if (c != '\n') return fail(ChunkError::bad_line_end);
            return end_size_line();
        case State::data_cr:
            return expect(c, '\r', ChunkError::bad_data_end, State::data_lf);
        case State::data_lf:
            return expect(c, '\n', ChunkError::bad_data_end, State::size_first);
        case State::trailer_first:
        case State::trailer_name:
        case State::trailer_value:
            return take_trailer(c);
        case State::trailer_lf:
            return expect(c, '\n', ChunkError::bad_line_end, State::trailer_first);
        case State::end_lf:
            return expect(c, '\n', ChunkError::bad_line_end, State::done);
        case State::data:
        case State::done:
        case State::failed:
            return;
        default:
            return take_extension(c);
    }
}

void ChunkedDecoder::take_size(char c) {
    if (int const digit = hex_value(c); digit >= 0 && state_ != State::size_blank) {
        if (++digits_ > most_digits) return fail(ChunkError::bad_size);
        remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(digit);
        state_ = State::size;
        return;
    }
    if (state_ == State::size_first) return fail(ChunkError::bad_size);
    if (c == '\n') return fail(ChunkError::bad_line_end);
    if (c == '\r') {  // blanks are only allowed in front of an extension
        return state_ == State::size ? void(state_ = State::size_lf) : fail(ChunkError::bad_size);
    }
    if (c != ';' && !is_blank(c)) return fail(ChunkError::bad_size);
    state_ = c == ';' ? State::extension_name_first : State::size_blank;
    count(extensions_, limits_.extensions, ChunkError::extensions_too_large);
}

void ChunkedDecoder::end_size_line() {
    digits_ = 0;
    state_ = remaining_ > 0 ? State::data : State::trailer_first;
}

/// chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )
void ChunkedDecoder::take_extension(char c) {
    if (c == '\n' || (c != '\r' && is_control(c))) return fail(ChunkError::bad_line_end);
    if (c != '\r' && !count(extensions_, limits_.extensions, ChunkError::extensions_too_large)) return;
    switch (state_) {
        case State::extension_name_first:
            if (is_blank(c)) return;
            return in(token_bytes, c) ? void(state_ = State::extension_name) : fail(ChunkError::bad_extension);
        case State::extension_name:
        case State::extension_name_blank:
            if (c == '=') return void(state_ = State::extension_value_first);
            if (state_ == State::extension_name && in(token_bytes, c)) return;
            return end_extension(c, State::extension_name_blank);
        case State::extension_value_first:
            if (is_blank(c)) return;
            if (c == '"') return void(state_ = State::extension_quoted);
            return in(token_bytes, c) ? void(state_ = State::extension_value) : fail(ChunkError::bad_extension);
        case State::extension_value:
            if (in(token_bytes, c)) return;
            return end_extension(c, State::extension_value_blank);
        case State::extension_value_end:
        case State::extension_value_blank:
            return end_extension(c, State::extension_value_blank);
        default:
            return take_quoted(c);
    }
}

void ChunkedDecoder::take_quoted(char c) {
    if (c == '\r') return fail(ChunkError::bad_line_end);
    if (state_ == State::extension_escape) return void(state_ = State::extension_quoted);
    if (c == '\\') return void(state_ = State::extension_escape);
    if (c == '"') state_ = State::extension_value_end;
}

/// Behind a complete extension: the next one, the end of the line, or blanks in front of the next one.
void ChunkedDecoder::end_extension(char c, State blank) {
    if (c == ';') return void(state_ = State::extension_name_first);
    if (is_blank(c)) return void(state_ = blank);
    bool const after_blank = state_ == State::extension_name_blank || state_ == State::extension_value_blank;
    if (c == '\r' && !after_blank) return void(state_ = State::size_lf);
    fail(ChunkError::bad_extension);
}

void ChunkedDecoder::take_trailer(char c) {
    if (state_ == State::trailer_first && c == '\r') return void(state_ = State::end_lf);
    if (state_ == State::trailer_value && c == '\r') return void(state_ = State::trailer_lf);
    if (!count(trailers_, limits_.trailers, ChunkError::trailers_too_large)) return;
    if (c == '\n' || (c != '\r' && is_control(c))) return fail(ChunkError::bad_line_end);
    if (state_ == State::trailer_value) return;
    if (c == ':' && state_ == State::trailer_name) return void(state_ = State::trailer_value);
    return in(token_bytes, c) ? void(state_ = State::trailer_name) : fail(ChunkError::bad_trailer);
}

std::string_view chunk_header(std::array<char, 20>& room, std::size_t size) {
    assert(size > 0);
    std::size_t at = room.size();
    room[--at] = '\n';
    room[--at] = '\r';
    for (; size > 0; size >>= 4) room[--at] = "0123456789abcdef"[size & 15];
    return {room.data() + at, room.size() - at};
}

}  // namespace sluice::http

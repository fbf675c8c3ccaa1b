#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/http/head.hpp"

namespace sluice::http {

enum class ChunkError : std::uint8_t {
    none,
    bad_size,       ///< no hexadecimal digit, more than 15 of them, or something else behind them
    bad_line_end,   ///< a bare CR or LF, or another control byte
    bad_data_end,   ///< no CR LF where the announced data ends
    bad_extension,  ///< not in the grammar of RFC 9112 7.1.1
    extensions_too_large,
    bad_trailer,
    trailers_too_large,
};

RefusalInfo describe(ChunkError error);

/// Decodes a chunked body in place and strictly, whatever the cuts: payload bytes move to the front of the range, so
/// that what arrived in one read can leave in one write. Extensions and trailers are checked, counted and dropped.
class ChunkedDecoder {
public:
    struct Limits {
        std::size_t extensions = 64 * 1024;  ///< over the whole body
        std::size_t trailers = 8 * 1024;
    };
    struct Step {
        std::size_t payload = 0;   ///< now at data[0 .. payload)
        std::size_t consumed = 0;  ///< bytes of input used; the rest belongs to whatever follows the body
        bool done = false;
        ChunkError error = ChunkError::none;
    };

    ChunkedDecoder() = default;
    explicit ChunkedDecoder(Limits limits) : limits_(limits) {}

    /// Uses everything up to the end of the body or the first error; both are final until `reset`. Payload in front of
    /// an error is reported, but an answer or a request with an error in it should not be passed on.
    Step decode(char* data, std::size_t size);
    bool done() const { return state_ == State::done; }
    /// Payload so far and what the current chunk still owes: for a limit that need not wait until the data is here.
    std::uint64_t announced() const { return received_ + remaining_; }
    void reset();

private:
    enum class State : std::uint8_t {
        size_first,
        size,
        size_blank,
        size_lf,
        extension_name_first,
        extension_name,
        extension_name_blank,
        extension_value_first,
        extension_value,
        extension_quoted,
        extension_escape,
        extension_value_end,
        extension_value_blank,
        data,
        data_cr,
        data_lf,
        trailer_first,
        trailer_name,
        trailer_value,
        trailer_lf,
        end_lf,
        done,
        failed,
    };

    /// The short way for what almost every chunk has in front of it, if all of it is here: the bytes that it took, or 0
    /// and nothing is changed. Everything else, and every error, goes byte by byte through take.
    std::size_t skip_plain_size(std::string_view bytes);
    void take(char c);
    void take_size(char c);
    void take_extension(char c);
    void take_quoted(char c);
    void end_extension(char c, State blank);
    void take_trailer(char c);
    void end_size_line();
    void expect(char c, char wanted, ChunkError otherwise, State next);
    void fail(ChunkError error);
    bool count(std::size_t& counter, std::size_t limit, ChunkError error);

    Limits limits_;
    State state_ = State::size_first;
    ChunkError error_ = ChunkError::none;
    std::size_t digits_ = 0;
    std::uint64_t remaining_ = 0;
    std::uint64_t received_ = 0;
    std::size_t extensions_ = 0;
    std::size_t trailers_ = 0;
};

/// What stands before the data of a chunk: `1a3\r\n`, written into `room`. Behind the data belongs a CR LF.
/// Never for size 0: that would end the body, which is what last_chunk is for.
std::string_view chunk_header(std::array<char, 20>& room, std::size_t size);

constexpr std::string_view chunk_end = "\r\n";
constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace sluice::http

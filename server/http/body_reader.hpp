#pragma once

#include <cstdint>
#include <string_view>

#include "core/types/settings.hpp"
#include "server/http/chunked.hpp"
#include "server/http/input.hpp"
#include "server/http/reply.hpp"
#include "server/http/request_head.hpp"

namespace sluice::http {

/// Reads the body of one request, on demand, within every limit of ROBUSTNESS.md section 8.
class BodyReader {
public:
    /// `started`: when the head was complete. `when_complete` is called once, when the last byte of the body is here:
    /// from then on nobody reads.
    BodyReader(Input& input, Reply& reply, RequestHead const& head, Cancellation& cancellation, Instant started,
               std::function<void()> when_complete);

    /// The whole body, with 64 readable bytes behind it; holds until the request ends. Answers `expect: 100-continue`
    /// first. Errors: request_too_large (at once when the length says so), request_timeout, invalid_framing,
    /// client_closed, overloaded (a large body while memory is tight). After an error the connection must be closed.
    Task<Result<std::string_view>> read(LimitSettings const& limits);

    /// For a body that nobody wanted: reads and drops up to 64 KiB. True: the connection is at the next request.
    Task<bool> drain();
    /// False: drain() will give up at once, so the answer may as well say that the connection ends.
    bool drainable() const;

    /// The body's own memory, if it has any, is needed no more.
    void release() { body_ = net::Buffer(); }

    bool complete() const { return complete_; }
    std::uint64_t bytes() const { return received_; }
    /// Bytes behind the end of a chunked body that were read with it.
    std::string_view left_over() const { return left_over_; }
    /// How much of the body stood in the input; it must stay there until the request ends.
    std::size_t taken_from_input() const { return taken_; }

private:
    void completed();
    Task<Result<std::string_view>> read_length(LimitSettings const& limits);
    Task<Result<std::string_view>> read_chunked(LimitSettings const& limits);
    /// Reads once into `room`. The result is never 0.
    Task<Result<std::size_t>> receive(std::span<char> room, LimitSettings const& limits);
    std::string_view take_buffered(std::uint64_t most = UINT64_MAX);
    Result<> make_room(std::size_t used, std::uint64_t needed);
    bool too_slow(LimitSettings const& limits, Instant now) const;

    Input& input_;
    Reply& reply_;
    RequestHead const& head_;
    Cancellation& cancellation_;
    std::function<void()> when_complete_;
    ChunkedDecoder chunks_;
    net::Buffer body_;
    Instant started_;
    std::uint64_t received_ = 0;
    std::size_t taken_ = 0;
    std::string_view left_over_;
    bool complete_;
};

}  // namespace sluice::http

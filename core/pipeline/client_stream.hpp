#pragma once

#include <string_view>

#include "core/pipeline/ports.hpp"

namespace sluice {

/// The client's event stream of one request: knows when it has been silent for too long. For a request without
/// streaming it never wants a comment. Thread: the request's.
class ClientStream {
public:
    ClientStream(ReplySink& sink, ChatRequest const& chat, StreamSettings const& settings, Instant received_at,
                 std::string_view request_id);

    /// When the client should hear a comment, unless it hears something else before.
    Instant next_comment() const { return next_comment_; }

    /// Sends a comment if one is due, and opens the stream for it if need be.
    Task<Result<>> keep_alive(Instant now);

    Task<Result<>> open(Headers const& headers) {
        opened_ = true;
        return sink_.start_stream(headers);
    }
    bool opened() const { return opened_; }

    /// Sends whole events; the stream must be open.
    Task<Result<>> write(Pieces pieces, Instant now) {
        next_comment_ = after(now, settings_.keep_alive);
        return sink_.write(pieces);
    }

    /// The error event, and the end of the stream without `[DONE]`.
    Task<Result<>> fail(Error const& error);

private:
    ReplySink& sink_;
    StreamSettings settings_;
    std::string_view request_id_;
    Instant next_comment_ = never;
    bool opened_ = false;
};

}  // namespace sluice

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/stream/continuation.hpp"
#include "core/types/error.hpp"
#include "core/types/usage.hpp"

namespace sluice {

/// What one piece of an upstream stream means for the client.
struct StreamStep {
    /// Bytes for the client, in order: whole events, each with its blank line. Neighbouring events that pass unchanged
    /// are one view. Views point into the piece or into the decoder, and hold until its next call.
    std::vector<std::string_view> relay;
    /// A valid content, reasoning, refusal, audio or tool-call delta has been seen, now or before.
    bool committed = false;
    /// The provider finished: the end marker stands at the end of `relay`, and nothing follows it.
    bool ended = false;
    /// The stream can't go on: an error event, an invalid event, or an end without a terminal event. `relay` holds what
    /// came before it.
    std::optional<Error> error;

    void clear() {
        relay.clear();
        committed = ended = false;
        error.reset();
    }
};

/// Turns the bytes of one upstream stream, cut anywhere, into events for the client. Made for one attempt, used by one
/// thread, no I/O. After `ended` or `error` it must not be called again.
class StreamDecoder {
public:
    virtual ~StreamDecoder() = default;

    /// At least 64 readable bytes must follow `piece` in memory (simdjson reads ahead); their value does not matter.
    virtual void feed(std::string_view piece, StreamStep& step) = 0;

    /// The upstream body ended, at its message boundary. Sets `ended` or `error`.
    virtual void finish(StreamStep& step) = 0;

    /// The last usage that the provider reported, else an estimate from the bytes seen so far (`prompt_bytes` too).
    virtual Usage usage() const = 0;

    /// The model that the upstream says answered; empty while unknown.
    virtual std::string_view reported_model() const = 0;

    /// "stop", "length" ... of the first choice; empty while unknown.
    virtual std::string_view finish_reason() const = 0;

    /// Bytes of text, reasoning and arguments so far, as they stood in the events' JSON.
    virtual std::uint64_t text_bytes() const = 0;

    /// Content events relayed so far.
    virtual std::uint64_t delta_count() const = 0;

    /// What another target needs to go on after what was relayed so far. Nothing where that would not be safe, where
    /// there is no text yet or too much of it, and where the decoder was not told to keep it.
    virtual std::optional<Continuation> continuation() const { return std::nullopt; }
};

}  // namespace sluice

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/stream/continuation.hpp"
#include "core/types/chat_request.hpp"
#include "providers/openai/chunk_reader.hpp"
#include "providers/openai/raw_text.hpp"

namespace sluice::openai {

/// What a decoder remembers of a stream so that another target could go on with it (README.md, "Continuations").
class KeptText {
public:
    /// `request` and its body must outlive this.
    explicit KeptText(ChatRequest const& request) : request_(&request) {}

    /// One chunk that the client sees: after mending.
    void take(JsonValue chunk, ChunkFacts const& facts);

    /// A chunk like the one before, which had a text, but with this one.
    void take_alike(std::string_view text) {
        if (!unsafe_) text_.append(text);
    }

    /// Nothing where it would not be safe. `usage`: of the stream so far.
    std::optional<Continuation> continuation(Usage const& usage) const;

private:
    void take_choice(ChoiceFacts const& choice);

    ChatRequest const* request_;
    RawText text_;
    Continuation chunk_;   ///< without text and usage
    bool unsafe_ = false;  ///< something else than plain text was there, or its end
};

/// What a member of a delta is to a client that reads a text.
enum class DeltaPart : unsigned char { nothing, text, reasoning, other };
DeltaPart part_of(JsonMember const& member);

}  // namespace sluice::openai

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/json/json_value.hpp"

namespace sluice::openai {

/// A range of an event's data that must not reach the client.
struct Cut {
    std::size_t begin = 0;
    std::size_t end = 0;
};

struct ChoiceFacts {
    std::int64_t index = 0;
    std::string_view finish_reason;  ///< empty: not finished
    bool has_delta = false;          ///< content, reasoning, refusal, audio, images or a tool call, not empty
    std::uint64_t output_bytes = 0;  ///< of text, reasoning and tool arguments
};

/// What one chunk of a stream, or one whole answer, says. Values and views belong to the text it was read from.
struct ChunkFacts {
    bool has_choices = false;          ///< an array that is not empty
    bool choices_missing = true;       ///< there is no array at all
    std::vector<ChoiceFacts> choices;  ///< in order
    JsonValue error;                   ///< an error's description, or the choice that failed
    JsonValue id, model, created;      ///< nothing where absent
    JsonValue usage;                   ///< the last that is not null
    bool is_usage_chunk = false;       ///< OpenAI's own: no choices, and the only usage stands at the top
    std::vector<Cut> cuts;             ///< every usage member that is not null: sorted, apart

    void clear();
};

/// Reads an object; `facts` is overwritten, its memory is used again.
void read_chunk(JsonValue root, ChunkFacts& facts);

}  // namespace sluice::openai

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/json/json_value.hpp"
#include "providers/openai/object_edits.hpp"

namespace sluice::openai {

struct ChoiceFacts {
    std::int64_t index = 0;
    JsonValue value;
    JsonValue delta;                 ///< or the whole message, where there is no delta
    JsonValue tool_calls;            ///< nothing, or a list that is not empty
    std::string_view finish_reason;  ///< empty: not finished
    std::string_view text;           ///< what the client sees of its content, between quotes, escapes as they stand
    std::string_view thoughts;       ///< its `reasoning_content`, likewise
    std::uint64_t output_bytes = 0;  ///< of text and reasoning; those of parts and tool calls are not read yet
    bool has_content = false;        ///< text that is not empty
    bool has_other = false;          ///< reasoning, refusal, audio, images or a tool call, not empty
    // What may have to be mended (mending.hpp):
    bool has_parts = false;              ///< content is a list
    bool has_foreign_reasoning = false;  ///< reasoning stands in `reasoning`
    bool has_function_call = false;
    bool has_empty_finish = false;  ///< finish_reason is ""

    bool has_tool_calls() const { return static_cast<bool>(tool_calls); }
    bool has_delta() const { return has_content || has_other; }
    bool asks_for_mending() const {
        return has_parts || has_foreign_reasoning || has_tool_calls() || has_empty_finish || !finish_reason.empty();
    }
};

/// What one chunk of a stream, or one whole answer, says. Values and views belong to the text it was read from.
struct ChunkFacts {
    bool has_choices = false;          ///< an array that is not empty
    bool choices_missing = true;       ///< there is no array at all
    std::vector<ChoiceFacts> choices;  ///< in order
    JsonValue error;                   ///< an error's description, or the choice that failed
    JsonValue id, model, created;      ///< nothing where absent
    JsonValue padding;                 ///< `obfuscation`: of random length, so that who watches sizes learns less
    JsonValue usage;                   ///< the last that is not null, but the one at the top before all others
    bool usage_at_top = false;
    bool is_usage_chunk = false;  ///< OpenAI's own: no choices, and the only usage stands at the top
    std::vector<TextEdit> edits;  ///< take out every usage member that is not null: sorted, apart

    void clear();
};

/// What OpenAI calls a chunk of a stream, and a whole answer: as JSON, for the member `object`.
inline constexpr std::string_view chunk_object = R"("chat.completion.chunk")";
inline constexpr std::string_view answer_object = R"("chat.completion")";

/// Reads an object; `facts` is overwritten, its memory is used again. A member `object` that says something else than
/// `object` is planned to be changed.
void read_chunk(JsonValue root, std::string_view object, ChunkFacts& facts);

}  // namespace sluice::openai

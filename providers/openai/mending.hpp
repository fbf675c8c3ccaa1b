#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/types/settings.hpp"
#include "providers/openai/choice_states.hpp"
#include "providers/openai/chunk_reader.hpp"
#include "providers/openai/tool_calls.hpp"

/// How choices that speak another form of OpenAI's dialect become OpenAI's (README.md, "Answers").
namespace sluice::openai {

/// The marks around thoughts in the text of `target_model`; null where there are none.
ReasoningTags const* reasoning_tags_of(ProviderSettings const& provider, std::string_view target_model);

/// Plans the edits to one choice of a chunk, unsorted, and says in `choice` what of it the client sees. Needed where
/// choice.asks_for_mending() or the state's splitter is not done; else nothing would change.
void mend_chunk_choice(ChoiceFacts& choice, ChoiceState& state, std::uint64_t seed, EditSink sink);

/// The same for a choice of a whole answer; always needed. `tags` may be null.
void mend_whole_choice(ChoiceFacts& choice, ReasoningTags const* tags, std::uint64_t seed, EditSink sink);

/// After mending: the edits become sorted.
void sort_edits(std::vector<TextEdit>& edits);

}  // namespace sluice::openai

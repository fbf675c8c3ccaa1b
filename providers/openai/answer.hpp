#pragma once

#include <string_view>

#include "core/pipeline/ports.hpp"

namespace sluice::openai {

/// Dialect::read_answer. `tags`: as for make_stream_decoder().
Result<AnswerFacts> read_answer(ChatRequest const& request, std::string_view body, ReasoningTags const* tags = nullptr);

}  // namespace sluice::openai

#pragma once

#include <string_view>

#include "core/pipeline/ports.hpp"

namespace sluice::openai {

/// Dialect::read_answer.
Result<AnswerFacts> read_answer(ChatRequest const& request, std::string_view body);

}  // namespace sluice::openai

#pragma once

#include <optional>

#include "core/json/json_value.hpp"
#include "core/types/usage.hpp"

namespace sluice::openai {

/// A provider's usage object in OpenAI's meaning, corrected by its own arithmetic (README.md, "Usage"). Nothing when it
/// holds no count at all; an explicit zero is a count.
std::optional<Usage> read_usage(JsonValue usage);

}  // namespace sluice::openai

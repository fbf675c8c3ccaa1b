#pragma once

#include <optional>
#include <string>

#include "core/json/json_value.hpp"
#include "core/types/usage.hpp"

namespace sluice::openai {

struct UsageReading {
    Usage usage{};
    bool is_openais = false;  ///< the object says the same by OpenAI's names
};

/// A provider's usage object in OpenAI's meaning, corrected by its own arithmetic (README.md, "Usage"). Nothing when it
/// holds no count at all; an explicit zero is a count.
std::optional<UsageReading> read_usage(JsonValue usage);

/// The object itself in OpenAI's meaning: with the counts of `usage`, which read_usage() made of it, and every other
/// member as it is.
std::string corrected_usage(JsonValue object, Usage const& usage);

}  // namespace sluice::openai

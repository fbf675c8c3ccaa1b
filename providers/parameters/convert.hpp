#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json/json_value.hpp"
#include "core/types/parameter_rule.hpp"

/// The conversions of values that a rule can name: docs/guides/provider-profiles.md.
namespace sluice::parameters {

/// What a value becomes.
struct Converted {
    enum class To { same, nothing, json };
    To to = To::same;
    std::string json{};
};

/// Conversion::map and Conversion::nearest, nine_alphanumerics and plain_text. Others need more than one value.
Converted convert(ParameterRule const& rule, JsonValue value);

/// The effort of `allowed` that is nearest to `effort`, the lower of two; nothing when neither is known, and for "none"
/// unless it is allowed.
std::optional<std::string> nearest_effort(std::string_view effort, std::vector<std::string> const& allowed);

/// Nine letters and digits made of `id`; itself if it is such an id already.
std::string nine_alphanumerics(std::string_view id);

/// The tools that `functions` describes, as JSON.
std::string tools_from_functions(JsonValue functions);

/// The `tool_choice` that `function_call` describes, as JSON.
std::string tool_choice_from(JsonValue function_call);

/// A message's `content` with its thoughts as the first part.
std::string content_with_thoughts(JsonValue thoughts, JsonValue content);

}  // namespace sluice::parameters

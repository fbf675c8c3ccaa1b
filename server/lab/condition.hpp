#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace sluice::lab {

/// What is wrong with a condition, or nothing. A condition is a list of values, or a word: those of
/// docs/guides/provider-profiles.md, and for the lab `length > 4`, `has TEXT` (in
/// whatever case), `ends TEXT`, `alphanumeric 9`, `blank`, and `not` in front of any.
std::string problem_of_condition(nlohmann::json const& condition);

/// Whether `value` fits. `absent` is a matter of places, not of values.
bool fits(nlohmann::json const& condition, nlohmann::json const& value);

/// Whether all conditions of `{path: condition}` hold in `request`. A path that begins with a dot starts at `owner`.
bool all_hold(nlohmann::json const& conditions, nlohmann::json const& request, nlohmann::json const& owner);
bool any_holds(nlohmann::json const& conditions, nlohmann::json const& request, nlohmann::json const& owner);

/// `*` in a pattern stands for any text.
bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace sluice::lab

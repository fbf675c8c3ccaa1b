#pragma once

#include "core/json/json_value.hpp"
#include "core/types/parameter_rule.hpp"

namespace sluice::parameters {

/// Whether `condition` holds for `value`, which is what its path led to: nothing when it led nowhere.
bool holds(Condition const& condition, JsonValue value);

/// Whether `value` is what `json` says, in whatever spelling.
bool equals(JsonValue value, std::string_view json);

}  // namespace sluice::parameters

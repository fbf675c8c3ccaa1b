#pragma once
#include <nlohmann/json_fwd.hpp>

namespace sluice::lab {

/// A value that satisfies a simple JSON Schema: types, properties, items, enum, const, bounds, $ref into $defs, anyOf.
/// Optional properties are filled as well.
nlohmann::ordered_json example_value(nlohmann::ordered_json const& schema);

}  // namespace sluice::lab

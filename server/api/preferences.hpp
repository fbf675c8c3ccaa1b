#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_value.hpp"
#include "core/types/result.hpp"
#include "core/types/routing.hpp"

/// OpenRouter's words for the choice of a provider: github OpenRouterTeam/docs, read 2026-08. docs/guides/steering.md
/// says what each means here.
namespace sluice::api {

/// Writes what the object `preferences` says over what `steering` says already. `place` names it in errors. Members
/// that are unknown, or that nobody but OpenRouter can honour, are passed over. Errors: invalid_value.
Result<> read_preferences(JsonValue preferences, std::string_view place, Steering& steering);

/// A list of at most 64 texts, none empty. Errors: invalid_value.
Result<> read_names(JsonValue list, std::string_view place, std::vector<std::string>& names);

/// `price`, `throughput`, `latency`, or `exacto`, which is OpenRouter's own and orders nothing here. Errors:
/// invalid_value.
Result<SortBy> sort_named(std::string_view word, std::string_view place);

/// US dollars per million tokens as text. Errors: invalid_value.
Result<PricePerMillion> price_written(std::string_view decimal, std::string_view place);

std::unexpected<Error> wrong_value(std::string_view place, std::string_view what);

inline constexpr std::size_t most_names = 64;
inline constexpr std::size_t longest_name = 256;

}  // namespace sluice::api

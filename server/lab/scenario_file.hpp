#pragma once
#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sluice::lab {

/// A scenario file (YAML) as JSON: `listener`, `defaults` and `scenarios`, each optional. Errors name the file.
std::expected<nlohmann::json, std::string> read_scenario_file(std::string const& path);

/// The same for a text.
std::expected<nlohmann::json, std::string> parse_scenarios(std::string const& yaml);

/// The scenarios that are always there, as `scenarios` in a file would be.
nlohmann::json builtin_scenarios();

}  // namespace sluice::lab

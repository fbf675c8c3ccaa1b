#pragma once
#include <expected>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace sluice::lab {

/// A YAML document as JSON, with the core schema's idea of plain scalars; a quoted one is a text. Errors: where it is
/// not YAML.
std::expected<nlohmann::json, std::string> parse_yaml(std::string const& yaml);

/// The same for a file. Errors name it.
std::expected<nlohmann::json, std::string> read_yaml_file(std::string const& path);

}  // namespace sluice::lab

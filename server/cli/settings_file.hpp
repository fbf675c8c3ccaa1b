#pragma once

#include <optional>
#include <string>

#include "core/types/settings.hpp"

namespace sluice::cli {

/// `given`, or else SLUICE_CONFIG, ./sluice.yaml or /etc/sluice/sluice.yaml; empty: there is none of these.
std::string find_configuration(std::string const& given);

/// The settings of a configuration file; an empty name means those of the environment. Nothing when something is wrong
/// with it, which stderr says.
std::optional<Settings> load_settings(std::string const& file);

}  // namespace sluice::cli

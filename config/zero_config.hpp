#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/environment.hpp"

namespace sluice::config {

/// A configuration made of the variables that SDKs read: one provider for each catalogue entry whose key variable is
/// set, `PROVIDER/*` for each of them, and `*` for the first. It refers to the variables and holds none of their
/// values, so that it can be printed. Nothing if no such variable is set.
std::optional<std::string> zero_config_yaml(Environment const& environment);

/// A configuration that sends the models `demo`, `echo` and `lab/*` to a lab on this port of 127.0.0.1.
std::string demo_yaml(std::uint16_t lab_port);

/// A commented file to start from.
std::string starter_yaml();

}  // namespace sluice::config

#pragma once

#include <cstdint>

#include "core/types/settings.hpp"

/// What the machine gives the process.
namespace sluice {

/// Raises the limit on descriptors as far as allowed, and returns it.
std::uint64_t raise_descriptor_limit();

/// Keys and prompts are in memory: no core file is written on a crash.
void forbid_core_files();

unsigned workers_for(ServerSettings const& server);

/// 40 % of the descriptors: each client may need an upstream's socket, and health and admin keep a reserve.
Settings with_possible_limits(Settings settings, std::uint64_t descriptors);

}  // namespace sluice

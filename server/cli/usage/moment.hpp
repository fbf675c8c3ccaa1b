#pragma once

#include <optional>
#include <string_view>

#include "core/types/limits.hpp"

namespace sluice::cli {

/// "7d", "12h", "30m" or "90s" before `now`; "2026-07-01" (midnight) or "2026-07-01T12:00:00Z", in UTC. Nothing for
/// anything else.
std::optional<WallTime> read_moment(std::string_view text, WallTime now);

}  // namespace sluice::cli

#pragma once

#include "core/pipeline/ports.hpp"
#include "core/types/rate_limits.hpp"
#include "providers/openai/durations.hpp"

namespace sluice::openai {

/// Whether any field does: most answers have none, and need no clock for it.
bool speak_of_limits(Headers const& headers);

/// The limits that the header fields of an answer speak of, in every form that upstreams use (README.md, "Limits").
RateLimits read_rate_limits(Headers const& headers, WallTime now);

}  // namespace sluice::openai

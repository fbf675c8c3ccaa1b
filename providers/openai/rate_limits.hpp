#pragma once

#include "core/pipeline/ports.hpp"
#include "core/types/rate_limits.hpp"
#include "providers/openai/durations.hpp"

namespace sluice::openai {

/// The limits that the header fields of an answer speak of, in every form that upstreams use (README.md, "Limits").
/// Costs next to nothing where there are none.
RateLimits read_rate_limits(Headers const& headers, WallTime now);

}  // namespace sluice::openai

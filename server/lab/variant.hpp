#pragma once
#include <string_view>

#include "server/lab/options.hpp"

namespace sluice::lab {

/// Which options really apply to one attempt: those of its API key, a refusal, or the planned failure. `attempt`
/// counts from 1. The result belongs to `options` or lives forever.
Options const& choose_variant(Options const& options, std::string_view bearer, unsigned attempt, Random& random);

}  // namespace sluice::lab

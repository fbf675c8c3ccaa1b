#pragma once

#include <vector>

#include "core/policy/planner.hpp"
#include "core/policy/route_walk.hpp"

namespace sluice {

/// Moves the target that served the session last to the front of `ranked`, if a warm cache makes it worth it. True: it
/// stands in front because of that.
///
/// Worth it: the request costs there, with what its cache should hold, no more than at the first choice without a
/// cache. What the cache should hold is BoundTarget::cached_tokens, at most the share of the input that resumed
/// sessions were seen to read from it; where that share is zero, the session may move. With a price unknown it stays.
/// Never in front of a target with a lower level, nor when its breaker is not closed.
bool move_bound_target_to_front(BoundTarget const& bound, PlanFacts const& facts, std::span<Candidate const> candidates,
                                std::vector<Ranked>& ranked);

}  // namespace sluice

#pragma once

#include <vector>

#include "core/policy/planner.hpp"
#include "core/policy/route_walk.hpp"

namespace sluice {

/// Rearranges the order of one model (of all, where the client pools them) as the client wishes: sorted, then targets
/// that miss its preferences behind the others, both within a level; then the targets that its `order` names, first.
void apply_steering(Steering const& steering, PlanFacts const& facts, std::span<Candidate const> candidates,
                    std::vector<Ranked>& ranked);

}  // namespace sluice

#pragma once

#include <string>

#include "core/pipeline/routing.hpp"

namespace sluice {

/// decision_json() of a choice that was gathered and planned.
std::string record_of(RoutingView const& view, Routing const& routing, Plan const& plan);

}  // namespace sluice

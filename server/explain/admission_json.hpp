#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/routing.hpp"

namespace sluice::explain {

/// Adds what limits say to a request that has a plan: `limits` of all who would pay for it, as they stand; whether it
/// would be admitted; and in each element of `order` what the call to that target could cost at most, and whether that
/// would be reserved. Nothing is reserved.
void add_limits(nlohmann::ordered_json& json, LimitBook& book, RoutingView const& view, Routing const& routing,
                Plan const& plan);

}  // namespace sluice::explain

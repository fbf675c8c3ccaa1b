#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/policy/breaker.hpp"
#include "core/policy/credential_pool.hpp"
#include "core/types/clock.hpp"
#include "core/types/error.hpp"

namespace sluice {

/// What is known now about one target of a model. The candidates of a model stand in the order of its configuration.
struct Candidate {
    std::string_view name{};  ///< "provider/model"
    BreakerState breaker = BreakerState::closed;
    bool breaker_refuses = false;
    milliseconds time_to_probe{0};
    bool credential_free = true;
    Bench bench = Bench::none;           ///< when none is free: the reason that all share
    milliseconds time_to_credential{0};  ///< when none is free
    unsigned in_flight = 0;
    unsigned max_in_flight = 0;  ///< 0: no limit
    bool takes_request = true;   ///< no rule for parameters keeps this very request from it
};

struct PlannedTarget {
    std::size_t target = 0;     ///< position among the candidates
    std::string_view reason{};  ///< a literal
};

enum class Exclusion : std::uint8_t { parameters_unsupported, breaker_open, credentials_benched, target_full };

std::string_view to_string(Exclusion why);

struct ExcludedTarget {
    std::size_t target = 0;
    Exclusion why = Exclusion::breaker_open;
    Bench bench = Bench::none;
    milliseconds time_left{0};  ///< until it may be tried again
};

/// The ordered attempts for one request, and the targets left out with their reasons. A pure value.
struct Plan {
    std::vector<PlannedTarget> order;
    std::vector<ExcludedTarget> excluded;
};

/// Why `candidate` can't be used now, if so; `target` is left to the caller.
std::optional<ExcludedTarget> exclusion(Candidate const& candidate);

/// Orders the usable targets of a model and says why. The candidates are all of the model's; `usable` comes in the
/// order of the configuration.
using RoutingPolicy = void (*)(std::span<Candidate const> candidates, std::vector<PlannedTarget>& usable);

/// The policy with a configured name; null: there is none. "fallback" keeps the order of the configuration.
RoutingPolicy find_routing_policy(std::string_view name);

Plan make_plan(std::span<Candidate const> candidates, RoutingPolicy policy);

/// The error for a plan without a target: the excluded targets' shared cause where they have one (all rate limited, all
/// refused our credential), else no_upstream_available; with the shortest wait. Targets that could never take the
/// request count only when there are no others: unsupported_parameter.
Error nothing_planned(std::span<Candidate const> candidates, Plan const& plan);

}  // namespace sluice

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "core/pipeline/request.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/policy/planner.hpp"

namespace sluice {

/// A target as a candidate of one request.
struct RoutedTarget {
    TargetRuntime const* target = nullptr;
    ModelRuntime const* model = nullptr;  ///< that it belongs to; its limits hold
    std::string_view star{};              ///< what that model's star stands for
};

/// Everything that the choice of a target for one request depends on, gathered at one instant: what the pipeline plans
/// from, and what `explain` shows. Refers to the request and the snapshot, which must outlive it.
struct Routing {
    ModelRuntime const* model = nullptr;  ///< that serves the request, after its `match` rules
    std::string_view star{};
    MatchRule const* rule = nullptr;  ///< the one that sent the request there, if one did
    std::vector<RoutedTarget> targets{};
    std::vector<Candidate> candidates{};  ///< of the same length
    std::vector<RoutedModel> models{};
    std::optional<BoundTarget> bound{};
    std::uint64_t draw = 0;
    RequestFacts const* facts = nullptr;
    Steering const* steering = nullptr;  ///< null: the client says nothing
    TargetFilter const* caller_filter = nullptr;

    PlanInput input() const;
};

struct RoutingMoment {
    Instant now;
    std::chrono::system_clock::time_point time;
    std::uint64_t draw = 0;
};

/// Errors: model_not_found.
Result<Routing> gather_routing(Snapshot const& snapshot, ClientRequest const& request, DialectLookup const& dialects,
                               RoutingMoment const& moment);

}  // namespace sluice

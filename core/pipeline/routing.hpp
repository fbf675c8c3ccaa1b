#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/frame_cache.hpp"
#include "core/pipeline/ports.hpp"
#include "core/pipeline/request.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/policy/planner.hpp"

namespace sluice {

/// A target as a candidate of one request.
struct RoutedTarget {
    TargetRuntime const* target = nullptr;
    ModelRuntime const* model = nullptr;  ///< that it belongs to
    std::string_view star{};              ///< what that model's star stands for
};

/// What a choice is made for, and from. All of it must outlive the choice.
struct RoutingView {
    Snapshot const& snapshot;
    ClientRequest const& request;
    DialectLookup const& dialects;
    bool in_full = false;  ///< also prices and measurements on which nothing depends
};

struct RoutingMoment {
    Instant now;
    std::chrono::system_clock::time_point time;  ///< for rules about hours
    std::uint64_t draw = 0;
};

/// Everything that the choice of a target for one request depends on, gathered at one instant: what the pipeline plans
/// from, and what `explain` shows.
struct Routing {
    ModelRuntime const* model = nullptr;  ///< that serves the request, after its `match` rules
    std::string_view star{};
    MatchRule const* rule = nullptr;  ///< the one that sent the request there, if one did
    RecycledVector<RoutedTarget> targets{};
    RecycledVector<Candidate> candidates{};  ///< of the same length
    RecycledVector<RoutedModel> models{};
    std::uint64_t session = 0;  ///< key in the table of sessions; 0: none
    std::optional<BoundTarget> bound{};
    std::uint64_t bound_credential = 0;          ///< SessionTable::key_of() its name
    std::optional<unsigned> bound_complexity{};  ///< what a classifier said of the session's first request
    bool strict = false;                         ///< nothing may be lost in translation
    std::uint64_t draw = 0;
    RequestFacts const* facts = nullptr;
    Steering const* steering = nullptr;  ///< null: the client says nothing
    TargetFilter const* caller_filter = nullptr;

    PlanInput input() const;
    /// Is there more than one candidate?
    bool is_choice() const;

    void add_target(RoutedTarget const& routed, RoutingView const& view, Instant now);
    void add_model(ModelRuntime const& added, std::string_view its_star, RoutingView const& view, Instant now);
};

/// Errors: model_not_found.
Result<Routing> gather_routing(RoutingView const& view, RoutingMoment const& moment);

/// Reads what can change from one moment to the next. `own_key`: the client brought one for it.
void look_at(Candidate& candidate, TargetRuntime const& target, Instant now, bool own_key);

/// The rules for parameters that keep the request from `routed` under `policy`. Most requests meet none, cheaply.
std::vector<ParameterRule const*> refused_by(RoutingView const& view, RoutedTarget const& routed,
                                             UnsupportedPolicy policy);

}  // namespace sluice

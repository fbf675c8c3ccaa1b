#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/policy/breaker.hpp"
#include "core/policy/credential_pool.hpp"
#include "core/policy/target_stats.hpp"
#include "core/types/clock.hpp"
#include "core/types/error.hpp"
#include "core/types/routing.hpp"

/// Chooses the targets of a request: which fit, and in which order to try them. Pure: the same input, the same plan,
/// bit for bit. Formulas: docs/routing.md.
namespace sluice {

/// What is known now about one target of a model. The candidates of a model stand in the order of its configuration.
struct Candidate {
    std::string_view name{};  ///< "provider/model"
    std::string_view provider{};
    TargetTraits const* traits = nullptr;  ///< null: nothing is known
    PriceSheet const* price = nullptr;     ///< null: unknown
    BreakerState breaker = BreakerState::closed;
    bool breaker_refuses = false;
    milliseconds time_to_probe{0};
    bool credential_free = true;
    Bench bench = Bench::none;           ///< when none is free: the reason that all share
    milliseconds time_to_credential{0};  ///< when none is free
    unsigned in_flight = 0;
    unsigned max_in_flight = 0;  ///< 0: no limit
    bool is_router = false;      ///< it keeps to what the client says about providers itself
    bool takes_request = true;   ///< no rule for parameters keeps this very request from it
    bool loses_nothing = true;   ///< nor would any under the policy `reject`; looked at for require_parameters
    std::optional<std::uint32_t> headroom_permille{};  ///< of its credentials' rate limits; absent: unknown
    Measured measured{};
};

struct PlannedTarget {
    std::size_t target = 0;     ///< position among the candidates
    std::string_view reason{};  ///< a literal
    std::int64_t score = 0;     ///< what the policy compared: nano-dollars, microseconds ...; the lower the better
    friend bool operator==(PlannedTarget const&, PlannedTarget const&) = default;
};

enum class Exclusion : std::uint8_t {
    // it could never take this request
    parameters_unsupported,
    lacks_capability,
    context_too_small,
    region,
    retention,
    training,
    quantization,
    price_ceiling,  ///< above it, or unknown
    not_free,
    not_chosen,  ///< the client's `only`, `ignore` or `allow_fallbacks: false`
    // not now
    breaker_open,
    credentials_benched,
    target_full,
    count_,
};

std::string_view to_string(Exclusion why);
inline constexpr bool is_permanent(Exclusion why) { return why < Exclusion::breaker_open; }

struct ExcludedTarget {
    std::size_t target = 0;
    Exclusion why = Exclusion::breaker_open;
    Bench bench = Bench::none;
    milliseconds time_left{0};                ///< until it may be tried again
    Capability lacking = Capability::count_;  ///< for lacks_capability
    friend bool operator==(ExcludedTarget const&, ExcludedTarget const&) = default;
};

/// The ordered attempts for one request, and the targets left out with their reasons. A pure value.
struct Plan {
    std::vector<PlannedTarget> order;
    std::vector<ExcludedTarget> excluded;
    bool moved_by_affinity = false;  ///< the session's target was put in front
    bool panic = false;              ///< all breakers were open, and `try_when_all_open` lets one through
    friend bool operator==(Plan const&, Plan const&) = default;
};

/// The routes of one model, and where its targets begin among the candidates.
struct RoutedModel {
    std::span<RouteSettings const> routes{};  ///< the first is the root; empty: all its candidates, as written
    std::size_t first_candidate = 0;
    std::size_t candidate_count = 0;
};

/// Where a session was served last.
struct BoundTarget {
    std::size_t target = 0;          ///< among the candidates
    std::int64_t cached_tokens = 0;  ///< that its cache should hold of this prompt
};

struct PlanInput {
    RequestFacts const& facts;
    std::span<Candidate const> candidates;
    std::span<RoutedModel const> models{};  ///< the one asked for, then the ones that may stand in for it
    Steering const* steering = nullptr;
    TargetFilter const* model_filter = nullptr;   ///< the route's
    TargetFilter const* caller_filter = nullptr;  ///< the key's
    std::optional<BoundTarget> bound{};
    bool strict = false;                     ///< a target that lacks something is never taken for want of a better one
    bool long_prompts_go_elsewhere = false;  ///< when all contexts are too small
    bool try_when_all_open = false;
    std::uint64_t draw = 0;  ///< random bits: every chance in the plan comes from them
};

Plan make_plan(PlanInput const& input);

/// What this request should cost at `candidate`: its input, of which `cached_tokens` come from the cache, and the
/// output that is usual there, at most what was asked for. Absent: no price is known.
std::optional<NanoUsd> expected_cost(RequestFacts const& facts, Candidate const& candidate,
                                     std::int64_t cached_tokens = 0);

/// Why `candidate` can't be used now, if so, its filters aside; `target` is left to the caller.
std::optional<ExcludedTarget> unavailability(Candidate const& candidate);

/// The error for a plan without a target: the excluded targets' shared cause where they have one (all rate limited, all
/// refused our credential), else no_upstream_available; with the shortest wait. Targets that could never take the
/// request count only when there are no others: unsupported_parameter, or no_target_fits (with the code
/// context_length_exceeded where each is too small), with a message that names the targets and, given `facts`, what
/// the request needs.
Error nothing_planned(std::span<Candidate const> candidates, Plan const& plan, RequestFacts const* facts = nullptr);

}  // namespace sluice

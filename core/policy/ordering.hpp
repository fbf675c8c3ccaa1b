#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "core/policy/lottery.hpp"
#include "core/policy/planner.hpp"

namespace sluice {

/// A member of a route as the route's policy sees it.
struct Choice {
    Candidate const* candidate = nullptr;  ///< of a member that is a route: the first target of that route's own order
    std::size_t member = 0;                ///< position in the route
    unsigned weight = 1;
    std::size_t first_part = 0;  ///< where its targets begin in the walk's list (planner's business)
    std::size_t part_count = 1;
    std::int64_t score = 0;     ///< filled here; as PlannedTarget::score
    std::string_view reason{};  ///< filled here; a literal
    unsigned setback = 0;       ///< filled here: 0 for members as good as the first, more for those that a session must
                                ///< not prefer to it, however warm its cache is
};

/// What all routes of a plan share.
struct PlanFacts {
    RequestFacts const& request;
    std::int64_t usual_output = 0;  ///< see usual_output()
};

/// What is compared where a price is unknown: later than any known one.
inline constexpr std::int64_t unknown_last = std::numeric_limits<std::int64_t>::max();

/// Orders `choices`, members of one priority level in the order of the route, as `route.policy` says, and fills score,
/// reason and setback.
void order_choices(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery);

/// Fills the scores by which `by` sorts: nano-dollars, nanoseconds for each token, or microseconds.
void score_by(SortBy by, PlanFacts const& facts, std::span<Choice> choices);

/// By score, ties as they stand.
void sort_by_score(std::span<Choice> choices);

// The policies that compare measurements: ordering_measured.cpp.
void order_by_latency(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery);
void order_by_throughput(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices,
                         Lottery& lottery);
// Weighted sums and bounds: ordering_score.cpp.
void order_by_score(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery);
void order_by_slo(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery);

/// With a chance of `explore_percent`, moves one of the members with too few samples to the front. True: it did.
bool explore(unsigned explore_percent, std::span<Choice> choices, Lottery& lottery);

/// Gives zeros, which stand for "unknown", the median of the other scores.
void fill_unknown_with_median(std::span<Choice> choices);

/// Microseconds until the first token of a stream, else until the whole answer, at the 90th percentile. 0: unknown.
std::int64_t latency_of(PlanFacts const& facts, Candidate const& candidate);

}  // namespace sluice

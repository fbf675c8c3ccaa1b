#include "core/policy/affinity.hpp"

#include <algorithm>

#include "core/policy/expected_cost.hpp"

namespace sluice {
namespace {

/// Resumed sessions that show whether the cache of a target works.
constexpr std::uint32_t enough_resumed = 10;

bool cache_works(Measured const& measured) { return measured.resumed < enough_resumed || measured.cached_permille > 0; }

std::int64_t warm_tokens(BoundTarget const& bound, RequestFacts const& request, Measured const& measured) {
    if (measured.resumed < enough_resumed) return bound.cached_tokens;
    return std::min(bound.cached_tokens, request.input_tokens * std::int64_t{measured.cached_permille} / 1'000);
}

bool stays_cheaper(BoundTarget const& bound, Candidate const& warm, Candidate const& first, PlanFacts const& facts) {
    auto const& request = facts.request;
    auto const warm_cost = expected_cost(request, warm, warm_tokens(bound, request, warm.measured), facts.usual_output);
    auto const first_cost = expected_cost(request, first, 0, facts.usual_output);
    return !warm_cost || !first_cost || *warm_cost <= *first_cost;
}

}  // namespace

bool move_bound_target_to_front(BoundTarget const& bound, PlanFacts const& facts, std::span<Candidate const> candidates,
                                std::vector<Ranked>& ranked) {
    auto const place = std::find_if(ranked.begin(), ranked.end(),
                                    [&bound](Ranked const& each) { return each.target == bound.target; });
    if (place == ranked.begin() || place == ranked.end()) return false;
    auto const& warm = candidates[place->target];
    auto const& first = ranked.front();
    if (place->level > first.level || warm.breaker != BreakerState::closed) return false;
    if (!cache_works(warm.measured) || !stays_cheaper(bound, warm, candidates[first.target], facts)) return false;
    place->reason = "affinity: its cache is warm";
    std::rotate(ranked.begin(), place, place + 1);
    return true;
}

}  // namespace sluice

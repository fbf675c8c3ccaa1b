#include "core/policy/planner.hpp"

#include <algorithm>
#include <vector>

#include "core/policy/affinity.hpp"
#include "core/policy/expected_cost.hpp"
#include "core/policy/filters.hpp"
#include "core/policy/lottery.hpp"
#include "core/policy/route_walk.hpp"
#include "core/policy/steering.hpp"

namespace sluice {
namespace {

constexpr std::uint64_t model_step = 1'000'000;  ///< of Ranked::level, above all levels within a model

void exclude(Plan& plan, ExcludedTarget excluded, std::size_t target) {
    excluded.target = target;
    plan.excluded.push_back(excluded);
}

/// Sorts out what can't serve the request; what is left is marked with 1.
std::vector<char> sift(PlanInput const& input, Plan& plan) {
    std::vector<char> usable(input.candidates.size(), 0);
    for (std::size_t i = 0; i < input.candidates.size(); ++i) {
        auto excluded = unfitness(input, input.candidates[i]);
        if (!excluded) excluded = unavailability(input.candidates[i]);
        if (excluded) {
            exclude(plan, *excluded, i);
        } else {
            usable[i] = 1;
        }
    }
    return usable;
}

/// When nothing fits for good: targets that lack what their rules for parameters may do without, or whose context is
/// too small by an estimate that may be too high, are taken after all. The provider has the last word.
void readmit(PlanInput const& input, Plan& plan, std::vector<char>& usable) {
    if (!std::ranges::all_of(plan.excluded, is_permanent, &ExcludedTarget::why)) return;
    std::erase_if(plan.excluded, [&](ExcludedTarget const& excluded) {
        auto const& candidate = input.candidates[excluded.target];
        if (!is_doubtful(input, candidate, excluded) || unavailability(candidate)) return false;
        usable[excluded.target] = 1;
        return true;
    });
}

bool pools(Steering const* steering) {
    return steering != nullptr && steering->pool_models && steering->sort != SortBy::nothing;
}

std::vector<Ranked> rank(PlanInput const& input, PlanFacts const& facts, std::span<char const> usable) {
    RoutedModel const everything{.candidate_count = input.candidates.size()};
    auto const models = input.models.empty() ? std::span(&everything, 1) : input.models;
    bool const sorted = input.steering != nullptr && input.steering->sort != SortBy::nothing;
    Lottery lottery(input.draw);
    std::vector<Ranked> all;
    for (std::size_t i = 0; i < models.size(); ++i) {
        RouteWalk const walk{.facts = facts,
                             .candidates = input.candidates,
                             .usable = usable,
                             .model = models[i],
                             .lottery = lottery,
                             .keep_written_order = sorted};
        auto ranked = walk.order();
        if (!pools(input.steering)) {
            for (auto& each : ranked) each.level += i * model_step;
            if (input.steering != nullptr) apply_steering(*input.steering, facts, input.candidates, ranked);
        }
        if (all.empty()) {
            all = std::move(ranked);
        } else {
            all.insert(all.end(), ranked.begin(), ranked.end());
        }
    }
    if (pools(input.steering)) apply_steering(*input.steering, facts, input.candidates, all);
    return all;
}

/// A session follows its cache only where the client did not choose itself.
bool may_follow_cache(PlanInput const& input) {
    if (!input.bound) return false;
    return input.steering == nullptr || (input.steering->order.empty() && input.steering->sort == SortBy::nothing);
}

/// Writes the order, each target in its first place. Usable targets that no route leads to, and all but the first where
/// the client wants no fallbacks, are not chosen.
void fill_order(PlanInput const& input, std::span<Ranked const> ranked, std::vector<char>& usable, Plan& plan) {
    bool const first_alone =
        input.steering != nullptr && !input.steering->allow_fallbacks && input.steering->order.empty();
    plan.order.reserve(ranked.size());
    for (auto const& each : ranked) {
        if (usable[each.target] == 0) continue;
        usable[each.target] = 0;
        plan.order.push_back({.target = each.target, .reason = each.reason, .score = each.score});
        if (first_alone) break;
    }
    for (std::size_t i = 0; i < usable.size(); ++i) {
        if (usable[i] != 0) exclude(plan, {.why = Exclusion::not_chosen}, i);
    }
}

bool kept_back_by_breaker_alone(ExcludedTarget const& excluded, std::span<Candidate const> candidates) {
    if (excluded.why != Exclusion::breaker_open) return false;
    auto candidate = candidates[excluded.target];
    candidate.breaker_refuses = false;
    return !unavailability(candidate);
}

/// When breakers alone keep back every target that fits: the one whose probe is due soonest.
void panic(PlanInput const& input, Plan& plan) {
    auto soonest = plan.excluded.end();
    for (auto each = plan.excluded.begin(); each != plan.excluded.end(); ++each) {
        if (is_permanent(each->why)) continue;
        if (!kept_back_by_breaker_alone(*each, input.candidates)) return;
        if (soonest == plan.excluded.end() || each->time_left < soonest->time_left) soonest = each;
    }
    if (soonest == plan.excluded.end()) return;
    plan.order.push_back({.target = soonest->target, .reason = "panic: all breakers are open"});
    plan.excluded.erase(soonest);
    plan.panic = true;
}

/// One target, without a choice to explain: what most models have.
bool is_forced(PlanInput const& input) {
    if (input.candidates.size() != 1 || input.models.size() != 1 || input.steering != nullptr) return false;
    auto const& routes = input.models.front().routes;
    if (routes.empty()) return true;
    auto const& members = routes.front().members;
    return routes.front().policy == RoutePolicy::fallback && members.size() == 1 && !members.front().is_route;
}

}  // namespace

Plan make_plan(PlanInput const& input) {
    Plan plan;
    if (is_forced(input) && !unfitness(input, input.candidates[0]) && !unavailability(input.candidates[0])) {
        bool const probe = input.candidates[0].breaker == BreakerState::half_open;
        plan.order.push_back({.target = 0, .reason = probe ? "fallback: probe" : "fallback: first"});
        return plan;
    }
    auto usable = sift(input, plan);
    if (plan.excluded.size() == input.candidates.size()) readmit(input, plan, usable);
    PlanFacts const facts{.request = input.facts, .usual_output = usual_output(input.candidates)};
    auto ranked = rank(input, facts, usable);
    if (may_follow_cache(input)) {
        plan.moved_by_affinity = move_bound_target_to_front(*input.bound, facts, input.candidates, ranked);
    }
    fill_order(input, ranked, usable, plan);
    if (plan.order.empty() && input.try_when_all_open) panic(input, plan);
    return plan;
}

}  // namespace sluice

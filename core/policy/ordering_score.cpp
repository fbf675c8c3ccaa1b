#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <vector>

#include "core/policy/expected_cost.hpp"
#include "core/policy/ordering.hpp"

namespace sluice {
namespace {

constexpr std::size_t p95 = 3;
static_assert(percentiles[p95] == 95);
constexpr double score_unit = 1'000'000;
constexpr std::int64_t cache_matters_from = 5'000;  ///< tokens of input
constexpr std::uint32_t enough_resumed = 10;
constexpr std::int64_t assumed_cached_permille = 700;

/// Recent successes over requests. Ten successes are added, so that one failure of a few requests is no verdict.
double uptime_of(Candidate const& candidate) {
    double const failures = candidate.measured.failures;
    double const requests = candidate.measured.requests + 10.0;
    return (requests - failures) / requests;
}

std::int64_t cached_cost(PlanFacts const& facts, Candidate const& candidate) {
    auto const& measured = candidate.measured;
    std::int64_t const permille =
        measured.resumed >= enough_resumed ? measured.cached_permille : assumed_cached_permille;
    auto const cached = facts.request.input_tokens * permille / 1'000;
    auto const cost = expected_cost(facts.request, candidate, cached, facts.usual_output);
    return cost ? cost->count : unknown_last;
}

/// Adds weight x (metric / best - 1) to the sums. `choices` bear the metrics as scores, the lower the better. An
/// unknown price counts as the dearest known one; where the best is 0, the smallest other one stands for it.
void add_relative(double weight, std::span<Choice const> choices, std::span<double> sums) {
    std::int64_t best = unknown_last;
    std::int64_t smallest = unknown_last;
    std::int64_t most = -1;
    for (auto const& choice : choices) {
        if (choice.score == unknown_last) continue;
        best = std::min(best, choice.score);
        most = std::max(most, choice.score);
        if (choice.score > 0) smallest = std::min(smallest, choice.score);
    }
    if (weight <= 0 || most <= 0) return;  // all unknown, or all free
    auto const unit = static_cast<double>(smallest);
    for (std::size_t i = 0; i < choices.size(); ++i) {
        auto const metric = choices[i].score == unknown_last ? most : choices[i].score;
        sums[i] += weight * static_cast<double>(metric - best) / unit;
    }
}

void add_uptime(double weight, std::span<Choice const> choices, std::span<double> sums) {
    double best = 0;
    for (auto const& choice : choices) best = std::max(best, uptime_of(*choice.candidate));
    for (std::size_t i = 0; i < choices.size(); ++i) {
        auto const uptime = uptime_of(*choices[i].candidate);
        auto const outage = uptime < 0.95 ? std::exp((0.95 - uptime) * 10) - 1 : 0.0;
        if (weight > 0) sums[i] += weight * (best / uptime - 1 + outage);
    }
}

struct Share {
    std::int64_t over;
    std::int64_t bound;
};

/// How far it is beyond a bound, in thousandths of the bound; 0: within, or no bound.
std::int64_t beyond(Share share) {
    if (share.bound <= 0 || share.over <= share.bound) return 0;
    return (share.over - share.bound) * 1'000 / share.bound + 1;
}

/// 0: keeps the bounds.
std::int64_t miss_of(SloBounds const& bounds, PlanFacts const& facts, Candidate const& candidate) {
    auto const& measured = candidate.measured;
    std::int64_t miss = 0;
    if (facts.request.stream) {
        auto const bound_us = std::chrono::microseconds(bounds.first_token).count();
        miss += beyond({.over = measured.first_token_us[p95], .bound = bound_us});
    }
    if (auto const reached = measured.tokens_per_second[p95]; reached > 0) {
        // Turned round: the pace that it needs over the pace that it has.
        miss += beyond({.over = bounds.tokens_per_second, .bound = reached});
    }
    if (measured.requests > 0 && bounds.max_failure_percent > 0) {
        auto const permille = std::int64_t{measured.failures} * 1'000 / measured.requests;
        miss += beyond({.over = permille, .bound = std::int64_t{bounds.max_failure_percent} * 10});
    }
    return miss;
}

enum class Standing : std::uint8_t { keeps, unmeasured, misses };

Standing standing_of(std::int64_t miss, Candidate const& candidate) {
    if (candidate.measured.requests < enough_samples) return Standing::unmeasured;
    return miss == 0 ? Standing::keeps : Standing::misses;
}

std::string_view slo_reason(Standing standing) {
    switch (standing) {
        case Standing::keeps:
            return "slo: next cheapest that keeps the bounds";
        case Standing::unmeasured:
            return "slo: not measured enough";
        case Standing::misses:
            break;
    }
    return "slo: misses the bounds";
}

}  // namespace

void order_by_score(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery) {
    std::vector<double> sums(choices.size(), 0.0);
    auto const& weights = route.score;
    score_by(SortBy::price, facts, choices);
    add_relative(weights.price, choices, sums);
    score_by(SortBy::throughput, facts, choices);
    add_relative(weights.throughput, choices, sums);
    if (facts.request.stream) {
        score_by(SortBy::latency, facts, choices);
        add_relative(weights.latency, choices, sums);
    }
    if (facts.request.input_tokens >= cache_matters_from) {
        for (auto& choice : choices) choice.score = cached_cost(facts, *choice.candidate);
        add_relative(weights.cache, choices, sums);
    }
    add_uptime(weights.uptime, choices, sums);
    for (std::size_t i = 0; i < choices.size(); ++i) {
        choices[i].score = std::llround(std::min(sums[i], 1e9) * score_unit);
        choices[i].reason = "score: next best";
    }
    sort_by_score(choices);
    bool const explored = explore(route.explore_percent, choices, lottery);
    choices.front().reason = explored ? "score: explored" : "score: best";
}

void order_by_slo(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery) {
    score_by(SortBy::price, facts, choices);
    sort_by_score(choices);
    std::vector<Choice> const by_price(choices.begin(), choices.end());
    auto place = choices.begin();
    for (auto const standing : {Standing::keeps, Standing::unmeasured, Standing::misses}) {
        auto const begin = place;
        for (auto choice : by_price) {
            auto const miss = miss_of(route.slo, facts, *choice.candidate);
            if (standing_of(miss, *choice.candidate) != standing) continue;
            if (standing == Standing::misses) choice.score = miss;
            choice.setback = standing == Standing::misses ? 1 : 0;
            choice.reason = slo_reason(standing);
            *place++ = choice;
        }
        if (standing == Standing::misses) sort_by_score({begin, place});
    }
    if (explore(route.explore_percent, choices, lottery)) {
        choices.front().reason = "slo: explored";
    } else if (choices.front().setback == 0 && choices.front().candidate->measured.requests >= enough_samples) {
        choices.front().reason = "slo: cheapest that keeps the bounds";
    }
}

}  // namespace sluice

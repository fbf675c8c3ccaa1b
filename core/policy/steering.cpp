#include "core/policy/steering.hpp"

#include <algorithm>

#include "core/policy/filters.hpp"
#include "core/policy/short_order.hpp"

namespace sluice {
namespace {

std::string_view sort_reason(SortBy by) {
    switch (by) {
        case SortBy::price:
            return "sort: price";
        case SortBy::throughput:
            return "sort: throughput";
        case SortBy::latency:
            return "sort: latency";
        case SortBy::nothing:
            break;
    }
    return "";
}

void sort_within_levels(Steering const& steering, PlanFacts const& facts, std::span<Candidate const> candidates,
                        std::vector<Ranked>& ranked) {
    std::vector<Choice> choices(ranked.size());
    for (std::size_t i = 0; i < ranked.size(); ++i) choices[i].candidate = &candidates[ranked[i].target];
    score_by(steering.sort, facts, choices);
    for (std::size_t i = 0; i < ranked.size(); ++i) {
        bool const probe = choices[i].candidate->breaker == BreakerState::half_open;
        ranked[i].score = choices[i].score;
        ranked[i].reason = probe ? "sort: probe" : sort_reason(steering.sort);
    }
    sort_few(ranked.begin(), ranked.end(), [](Ranked const& a, Ranked const& b) {
        return a.level != b.level ? a.level < b.level : a.score < b.score;
    });
}

/// By measurement. Who was measured too little misses nothing.
bool misses_preference(Steering const& steering, Measured const& measured) {
    if (measured.requests < enough_samples) return false;
    for (std::size_t i = 0; i < percentiles.size(); ++i) {
        auto const longest = steering.max_first_token_us[i];
        auto const least = steering.min_tokens_per_second[i];
        if (longest > 0 && measured.first_token_us[i] > longest) return true;
        if (least > 0 && measured.tokens_per_second[i] > 0 && measured.tokens_per_second[i] < least) return true;
    }
    return false;
}

void put_misses_last(Steering const& steering, std::span<Candidate const> candidates, std::vector<Ranked>& ranked) {
    constexpr ByPercentile none{};
    if (steering.max_first_token_us == none && steering.min_tokens_per_second == none) return;
    auto misses = [&steering, candidates](Ranked const& each) {
        return misses_preference(steering, candidates[each.target].measured);
    };
    for (auto begin = ranked.begin(); begin != ranked.end();) {
        auto const level = begin->level;
        auto const end = std::find_if(begin, ranked.end(), [level](Ranked const& each) { return each.level != level; });
        begin = partition_few(begin, end, [&misses](Ranked const& each) { return !misses(each); });
        for (; begin != end; ++begin) begin->reason = "misses a preference of the client";
    }
}

void put_named_first(std::vector<std::string> const& order, std::span<Candidate const> candidates,
                     std::vector<Ranked>& ranked) {
    auto begin = ranked.begin();
    for (auto const& name : order) {
        auto named = [&name, candidates](Ranked const& each) { return names_target(name, candidates[each.target]); };
        auto const end = partition_few(begin, ranked.end(), named);
        for (; begin != end; ++begin) begin->reason = "order: named by the client";
    }
}

}  // namespace

void apply_steering(Steering const& steering, PlanFacts const& facts, std::span<Candidate const> candidates,
                    std::vector<Ranked>& ranked) {
    if (steering.sort != SortBy::nothing) sort_within_levels(steering, facts, candidates, ranked);
    put_misses_last(steering, candidates, ranked);
    if (!steering.order.empty()) put_named_first(steering.order, candidates, ranked);
}

}  // namespace sluice

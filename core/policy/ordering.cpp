#include "core/policy/ordering.hpp"

#include <algorithm>
#include <utility>

#include "core/policy/short_order.hpp"

namespace sluice {
namespace {

void name_reasons(std::span<Choice> choices, std::string_view first, std::string_view next) {
    for (auto& choice : choices) choice.reason = next;
    choices.front().reason = first;
}

void shuffle(std::span<Choice> choices, Lottery& lottery) {
    for (std::size_t left = choices.size(); left > 1; --left) {
        std::swap(choices[left - 1], choices[lottery.below(left)]);
    }
}

void keep_order(std::span<Choice> choices) {
    for (auto& choice : choices) {
        choice.score = static_cast<std::int64_t>(choice.member);
        choice.reason = choice.member == 0 ? "fallback: first" : "fallback: next in order";
    }
}

void order_by_cost(PlanFacts const& facts, std::span<Choice> choices) {
    score_by(SortBy::price, facts, choices);
    sort_by_score(choices);
    name_reasons(choices, "cost: cheapest", "cost: next cheapest");
    for (auto& choice : choices) {
        if (choice.score == unknown_last) choice.reason = "cost: price unknown";
    }
}

/// Draws without replacement: each place goes to one of those left, with a chance in proportion to its weight.
void draw_by_weight(std::span<Choice> choices, Lottery& lottery) {
    std::uint64_t total = 0;
    for (auto& choice : choices) {
        choice.score = -static_cast<std::int64_t>(choice.weight);
        total += choice.weight;
    }
    std::size_t place = 0;
    for (; total > 0; ++place) {
        auto ticket = lottery.below(total);
        auto drawn = place;
        while (ticket >= choices[drawn].weight) ticket -= choices[drawn++].weight;
        total -= choices[drawn].weight;
        // Not swapped: those not drawn keep their order.
        std::rotate(choices.begin() + static_cast<std::ptrdiff_t>(place),
                    choices.begin() + static_cast<std::ptrdiff_t>(drawn),
                    choices.begin() + static_cast<std::ptrdiff_t>(drawn) + 1);
    }
    name_reasons(choices, "weighted: drawn", "weighted: drawn next");
    for (auto& choice : choices.subspan(place)) {
        choice.reason = "weighted: weight 0";
        choice.setback = place > 0 ? 1 : 0;
    }
}

void order_by_load(std::span<Choice> choices, Lottery& lottery) {
    shuffle(choices, lottery);
    for (auto& choice : choices) {
        auto const millionths = std::int64_t{choice.candidate->in_flight} * 1'000'000;
        choice.score = choice.weight == 0 ? unknown_last : millionths / choice.weight;
    }
    sort_by_score(choices);
    name_reasons(choices, "least_busy: fewest in flight", "least_busy: next fewest");
    bool const weights_left = choices.front().weight > 0;
    for (auto& choice : choices) {
        if (choice.weight > 0) continue;
        choice.reason = "least_busy: weight 0";
        choice.setback = weights_left ? 1 : 0;
    }
}

void order_by_headroom(std::span<Choice> choices, Lottery& lottery) {
    constexpr std::int64_t all = 1'000;
    constexpr std::uint32_t unknown = 500;
    shuffle(choices, lottery);
    for (auto& choice : choices) {
        choice.score = all - std::int64_t{choice.candidate->headroom_permille.value_or(unknown)};
    }
    sort_by_score(choices);
    name_reasons(choices, "usage: most left of its limits", "usage: next most left");
}

/// The member that the thresholds pick, then the stronger ones, then the weaker ones from the strongest down.
void order_by_complexity(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices) {
    auto const& thresholds = route.thresholds;
    auto const above = std::upper_bound(thresholds.begin(), thresholds.end(), facts.request.complexity);
    auto const picked = static_cast<std::size_t>(above - thresholds.begin());
    for (auto& choice : choices) {
        bool const strong_enough = choice.member >= picked;
        auto const distance = strong_enough ? choice.member - picked : route.members.size() + picked - choice.member;
        choice.score = static_cast<std::int64_t>(distance);
        choice.reason = distance == 0   ? "complexity: fits the request"
                        : strong_enough ? "complexity: stronger than needed"
                                        : "complexity: weaker than wanted";
    }
    sort_by_score(choices);
    unsigned place = 0;
    for (auto& choice : choices) choice.setback = place++;
}

void apply(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery) {
    switch (route.policy) {
        case RoutePolicy::cost:
            return order_by_cost(facts, choices);
        case RoutePolicy::latency:
            return order_by_latency(route, facts, choices, lottery);
        case RoutePolicy::throughput:
            return order_by_throughput(route, facts, choices, lottery);
        case RoutePolicy::weighted:
            return draw_by_weight(choices, lottery);
        case RoutePolicy::least_busy:
            return order_by_load(choices, lottery);
        case RoutePolicy::usage:
            return order_by_headroom(choices, lottery);
        case RoutePolicy::score:
            return order_by_score(route, facts, choices, lottery);
        case RoutePolicy::slo:
            return order_by_slo(route, facts, choices, lottery);
        case RoutePolicy::complexity:
            return order_by_complexity(route, facts, choices);
        case RoutePolicy::fallback:
        case RoutePolicy::count_:
            return keep_order(choices);
    }
}

std::string_view probe_reason(RoutePolicy policy) {
    switch (policy) {
        case RoutePolicy::cost:
            return "cost: probe";
        case RoutePolicy::latency:
            return "latency: probe";
        case RoutePolicy::throughput:
            return "throughput: probe";
        case RoutePolicy::weighted:
            return "weighted: probe";
        case RoutePolicy::least_busy:
            return "least_busy: probe";
        case RoutePolicy::usage:
            return "usage: probe";
        case RoutePolicy::score:
            return "score: probe";
        case RoutePolicy::slo:
            return "slo: probe";
        case RoutePolicy::complexity:
            return "complexity: probe";
        case RoutePolicy::fallback:
        case RoutePolicy::count_:
            break;
    }
    return "fallback: probe";
}

}  // namespace

void sort_by_score(std::span<Choice> choices) {
    sort_few(choices.begin(), choices.end(), [](Choice const& a, Choice const& b) { return a.score < b.score; });
}

void order_choices(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery) {
    if (choices.empty()) return;
    apply(route, facts, choices, lottery);
    for (auto& choice : choices) {
        if (choice.candidate->breaker == BreakerState::half_open) choice.reason = probe_reason(route.policy);
    }
}

}  // namespace sluice

#include <algorithm>
#include <utility>
#include <vector>

#include "core/policy/expected_cost.hpp"
#include "core/policy/ordering.hpp"

namespace sluice {
namespace {

constexpr std::size_t p50 = 0;
constexpr std::size_t p90 = 2;
static_assert(percentiles[p50] == 50 && percentiles[p90] == 90);

/// Nanoseconds for each token, so that less is better. 0: unknown.
std::int64_t pace_of(Candidate const& candidate) {
    auto const tokens_per_second = candidate.measured.tokens_per_second[p50];
    return tokens_per_second == 0 ? 0 : 1'000'000'000 / std::int64_t{tokens_per_second};
}

/// Of the members within half as much again of the best, two are drawn, and the better one goes first: requests that
/// arrive together don't all go to one target, and none goes to a clearly worse one. `choices` are sorted.
bool draw_first_of_two(std::span<Choice> choices, Lottery& lottery) {
    auto const limit = choices.front().score + choices.front().score / 2;
    auto close = [limit](Choice const& choice) { return choice.score <= limit; };
    auto const count =
        static_cast<std::size_t>(std::find_if_not(choices.begin(), choices.end(), close) - choices.begin());
    if (count < 2) return false;
    auto const one = lottery.below(count);
    auto other = lottery.below(count - 1);
    if (other >= one) ++other;
    auto const first = choices[one].score == choices[other].score ? one : std::min(one, other);
    std::rotate(choices.begin(), choices.begin() + static_cast<std::ptrdiff_t>(first),
                choices.begin() + static_cast<std::ptrdiff_t>(first) + 1);
    return true;
}

struct Words {
    std::string_view best;
    std::string_view drawn;
    std::string_view next;
    std::string_view explored;
};

void order_by_measurement(RouteSettings const& route, std::span<Choice> choices, Lottery& lottery, Words const& words) {
    sort_by_score(choices);
    bool const explored = explore(route.explore_percent, choices, lottery);
    bool const drawn = !explored && draw_first_of_two(choices, lottery);
    for (auto& choice : choices) choice.reason = words.next;
    choices.front().reason = explored ? words.explored : drawn ? words.drawn : words.best;
}

}  // namespace

std::int64_t latency_of(PlanFacts const& facts, Candidate const& candidate) {
    auto const& measured = candidate.measured;
    if (facts.request.stream) return measured.first_token_us[p90];
    if (measured.us_per_output_token == 0) return measured.answer_us[p90];
    return measured.us_per_output_token * expected_output(facts.request, candidate, facts.usual_output);
}

void fill_unknown_with_median(std::span<Choice> choices) {
    auto unknown = [](Choice const& choice) { return choice.score == 0; };
    if (std::none_of(choices.begin(), choices.end(), unknown)) return;
    std::vector<std::int64_t> known;
    known.reserve(choices.size());
    for (auto const& choice : choices) {
        if (choice.score != 0) known.push_back(choice.score);
    }
    if (known.empty()) return;
    auto const middle = known.begin() + static_cast<std::ptrdiff_t>((known.size() - 1) / 2);
    std::nth_element(known.begin(), middle, known.end());
    for (auto& choice : choices) {
        if (choice.score == 0) choice.score = *middle;
    }
}

void score_by(SortBy by, PlanFacts const& facts, std::span<Choice> choices) {
    for (auto& choice : choices) {
        auto const& candidate = *choice.candidate;
        if (by == SortBy::price) {
            auto const cost = expected_cost(facts.request, candidate, 0, facts.usual_output);
            choice.score = cost ? cost->count : unknown_last;
        } else {
            choice.score = by == SortBy::throughput ? pace_of(candidate) : latency_of(facts, candidate);
        }
    }
    if (by != SortBy::price) fill_unknown_with_median(choices);
}

bool explore(unsigned explore_percent, std::span<Choice> choices, Lottery& lottery) {
    auto little_known = [](Choice const& choice) { return choice.candidate->measured.requests < enough_samples; };
    auto const count = static_cast<std::uint64_t>(std::count_if(choices.begin(), choices.end(), little_known));
    // With none measured the order explores by itself.
    if (count == 0 || count == choices.size() || !lottery.hits(explore_percent)) return false;
    auto left = lottery.below(count);
    auto chosen = choices.begin();
    while (!little_known(*chosen) || left-- > 0) ++chosen;
    std::rotate(choices.begin(), chosen, chosen + 1);
    return true;
}

void order_by_latency(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices, Lottery& lottery) {
    score_by(SortBy::latency, facts, choices);
    order_by_measurement(
        route, choices, lottery,
        {"latency: fastest", "latency: the faster of two drawn", "latency: next fastest", "latency: explored"});
}

void order_by_throughput(RouteSettings const& route, PlanFacts const& facts, std::span<Choice> choices,
                         Lottery& lottery) {
    score_by(SortBy::throughput, facts, choices);
    order_by_measurement(route, choices, lottery,
                         {"throughput: most tokens per second", "throughput: the faster of two drawn",
                          "throughput: next fastest", "throughput: explored"});
}

}  // namespace sluice

#pragma once

#include <array>
#include <deque>
#include <optional>
#include <vector>

#include "core/policy/lottery.hpp"
#include "core/policy/planner.hpp"

namespace sluice {

/// Everything that a plan is made from, drawn from a seed: targets of every condition, one or two models with route
/// trees, sometimes a steering client and a bound session.
class RandomRouting {
public:
    explicit RandomRouting(std::uint64_t seed, bool flat = false) : lottery_(seed) {
        draw_request();
        auto const models_wanted = flat ? 1 : 1 + lottery_.below(2);
        for (std::uint64_t i = 0; i < models_wanted; ++i) add_model(flat);
        for (std::size_t i = 0; i < models.size(); ++i) models[i].routes = routes[i];
        if (!flat && lottery_.hits(50)) draw_steering();
        if (lottery_.hits(50)) {
            bound = {.target = lottery_.below(candidates.size()), .cached_tokens = in_range(0, 5'000)};
        }
        try_when_all_open = lottery_.hits(50);
    }
    RandomRouting(RandomRouting const&) = delete;  // its values point at each other
    RandomRouting& operator=(RandomRouting const&) = delete;

    PlanInput input(std::uint64_t draw) const {
        return {.facts = facts,
                .candidates = candidates,
                .models = models,
                .steering = steering ? &*steering : nullptr,
                .bound = bound,
                .try_when_all_open = try_when_all_open,
                .draw = draw};
    }

    RequestFacts facts{};
    std::vector<Candidate> candidates{};
    std::vector<RoutedModel> models{};
    std::deque<std::vector<RouteSettings>> routes{};  ///< by model
    std::optional<Steering> steering{};
    std::optional<BoundTarget> bound{};
    bool try_when_all_open = false;

private:
    std::int64_t in_range(std::int64_t from, std::int64_t to) {
        return from + static_cast<std::int64_t>(lottery_.below(static_cast<std::uint64_t>(to - from + 1)));
    }
    unsigned small(unsigned to) { return static_cast<unsigned>(in_range(0, to)); }

    void draw_request() {
        facts.needs.bits = static_cast<std::uint16_t>(lottery_.hits(50) ? 0 : lottery_.next() & 0x0FU);
        facts.stream = lottery_.hits(50);
        facts.input_tokens = in_range(0, 9'000);
        facts.output_tokens = lottery_.hits(50) ? 0 : in_range(1, 4'000);
        facts.complexity = small(100);
    }

    Measured draw_measured() {
        Measured measured;
        if (lottery_.hits(20)) return measured;
        measured.requests = small(100);
        measured.failures = lottery_.hits(30) ? small(measured.requests) : 0;
        measured.mean_output_tokens = small(800);
        measured.us_per_output_token = small(50'000);
        for (std::size_t i = 0; i < percentiles.size(); ++i) {
            measured.first_token_us[i] = (i == 0 ? 0 : measured.first_token_us[i - 1]) + small(900'000);
            measured.answer_us[i] = (i == 0 ? 0 : measured.answer_us[i - 1]) + small(9'000'000);
        }
        measured.tokens_per_second.fill(small(200));
        measured.resumed = small(30);
        measured.cached_permille = lottery_.hits(30) ? 0 : small(900);
        return measured;
    }

    void add_candidate() {
        static constexpr std::array<std::string_view, 4> names{"a/m", "b/m", "c/m", "d/m"};
        static constexpr std::array<std::string_view, 4> providers{"a", "b", "c", "d"};
        auto const name = lottery_.below(names.size());
        Candidate candidate{.name = names[name], .provider = providers[name], .measured = draw_measured()};
        if (lottery_.hits(80)) {
            traits_.push_back({.context = lottery_.hits(80) ? 0 : in_range(1, 9'000)});
            traits_.back().lacks.bits = static_cast<std::uint16_t>(lottery_.hits(90) ? 0 : lottery_.next() & 0x0FU);
            candidate.traits = &traits_.back();
        }
        if (lottery_.hits(80)) {
            prices_.push_back(
                {.input = {NanoUsd{in_range(0, 5'000'000)}}, .output = {NanoUsd{in_range(0, 9'000'000)}}});
            candidate.price = &prices_.back();
        }
        candidate.breaker = lottery_.hits(80) ? BreakerState::closed : BreakerState::half_open;
        candidate.breaker_refuses = lottery_.hits(20);
        candidate.time_to_probe = milliseconds(small(9'000));
        candidate.credential_free = !lottery_.hits(5);
        candidate.in_flight = small(20);
        candidate.max_in_flight = lottery_.hits(90) ? 0 : small(20);
        candidate.takes_request = !lottery_.hits(3);
        if (lottery_.hits(80)) candidate.headroom_permille = small(1'000);
        candidates.push_back(candidate);
    }

    RouteSettings draw_route(std::size_t targets) {
        RouteSettings route;
        route.policy = static_cast<RoutePolicy>(lottery_.below(static_cast<std::uint64_t>(RoutePolicy::count_)));
        for (std::size_t i = 0; i < targets; ++i) {
            route.members.push_back({.index = i, .weight = small(3), .priority = lottery_.hits(70) ? 0 : small(2)});
        }
        for (unsigned i = 1; i < targets; ++i) route.thresholds.push_back(i * 100 / static_cast<unsigned>(targets));
        route.slo = {.first_token = milliseconds(small(2'000)), .tokens_per_second = small(100)};
        return route;
    }

    void add_model(bool flat) {
        RoutedModel model{.first_candidate = candidates.size(), .candidate_count = 1 + lottery_.below(6)};
        for (std::size_t i = 0; i < model.candidate_count; ++i) add_candidate();
        auto& tree = routes.emplace_back();
        if (flat || lottery_.hits(80)) {
            tree.push_back(draw_route(model.candidate_count));
            if (!flat && lottery_.hits(50)) {
                tree.push_back(draw_route(1 + lottery_.below(model.candidate_count)));
                tree[0].members.insert(tree[0].members.begin(), {.index = 1, .is_route = true});
            }
        }
        models.push_back(model);
    }

    void draw_steering() {
        auto& client = steering.emplace();
        if (lottery_.hits(30)) client.order = {"b", "A/m"};
        if (lottery_.hits(20)) client.ignore = {"c"};
        client.allow_fallbacks = lottery_.hits(70);
        client.sort = static_cast<SortBy>(lottery_.below(4));
        client.pool_models = lottery_.hits(50);
        client.free_only = lottery_.hits(5);
        if (lottery_.hits(30)) client.max_first_token_us[1] = small(900'000);
    }

    Lottery lottery_;
    std::deque<TargetTraits> traits_;
    std::deque<PriceSheet> prices_;
};

}  // namespace sluice

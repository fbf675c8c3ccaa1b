#pragma once

#include <string>
#include <vector>

#include "core/policy/planner.hpp"

namespace sluice {

inline PriceSheet price(std::int64_t input, std::int64_t output) {
    return {.input = {NanoUsd{input}}, .output = {NanoUsd{output}}};
}

/// Enough samples, so that a target counts as measured.
inline Measured measured_first_token(std::uint32_t us) {
    Measured measured{.requests = 100, .mean_output_tokens = 100};
    measured.first_token_us.fill(us);
    return measured;
}

inline Measured measured_speed(std::uint32_t tokens_per_second) {
    Measured measured{.requests = 100, .mean_output_tokens = 100};
    measured.tokens_per_second.fill(tokens_per_second);
    return measured;
}

/// One model whose root has all candidates as members.
struct OneRoute {
    RequestFacts facts{.stream = true, .input_tokens = 1'000};
    std::vector<Candidate> candidates{};
    std::vector<RouteSettings> routes{RouteSettings()};
    Steering steering{};
    bool steered = false;
    std::optional<BoundTarget> bound{};
    std::uint64_t draw = 1;

    RouteSettings& root() { return routes.front(); }

    explicit OneRoute(RoutePolicy policy, std::vector<Candidate> all) : candidates(std::move(all)) {
        root().policy = policy;
        root().explore_percent = 0;
        for (std::size_t i = 0; i < candidates.size(); ++i) root().members.push_back({.index = i});
    }

    Plan plan() const {
        RoutedModel const model{.routes = routes, .candidate_count = candidates.size()};
        return make_plan({.facts = facts,
                          .candidates = candidates,
                          .models = {&model, 1},
                          .steering = steered ? &steering : nullptr,
                          .bound = bound,
                          .draw = draw});
    }
};

inline std::vector<std::size_t> targets(Plan const& plan) {
    std::vector<std::size_t> order;
    for (auto const& planned : plan.order) order.push_back(planned.target);
    return order;
}

using Order = std::vector<std::size_t>;

}  // namespace sluice

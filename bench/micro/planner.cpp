// What a plan costs: microseconds for 20 targets, by policy. Usage: bench_planner [milliseconds for each line]. Prints
// the fastest of several runs, because everything else is noise from outside.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/micro/fastest.hpp"
#include "core/policy/planner.hpp"

namespace {

using namespace sluice;
using bench::fastest;

constexpr std::size_t target_count = 20;

struct TwentyTargets {
    TargetTraits traits{.context = 128'000, .max_output = 16'000, .region = "eu", .zero_retention = true};
    std::array<PriceSheet, target_count> prices{};
    std::vector<Candidate> candidates{};
    RequestFacts facts{.stream = true, .input_tokens = 6'000, .messages = 4, .complexity = 45};
    std::vector<RouteSettings> routes{RouteSettings()};
    Steering steering{};
    bool steered = false;
    TargetFilter filter{.regions = {"ch", "eu"}, .zero_retention = true};

    TwentyTargets() {
        for (std::size_t i = 0; i < target_count; ++i) {
            auto const step = static_cast<std::uint32_t>(i * 7 % target_count);
            prices[i] = {.input = {NanoUsd{1'000'000 + step * 50'000}}, .output = {NanoUsd{4'000'000}}};
            Candidate candidate{
                .name = "provider/model", .provider = "provider", .traits = &traits, .price = &prices[i]};
            candidate.in_flight = step;
            candidate.headroom_permille = step * 40;
            candidate.measured.requests = i % 5 == 0 ? 3 : 500;
            candidate.measured.mean_output_tokens = 300 + step;
            candidate.measured.first_token_us.fill(300'000 + step * 40'000);
            candidate.measured.tokens_per_second.fill(30 + step * 5);
            candidates.push_back(candidate);
            routes[0].members.push_back({.index = i, .weight = 1 + step});
            if (i > 0) routes[0].thresholds.push_back(static_cast<unsigned>(i * 5));
        }
        routes[0].slo = {.first_token = milliseconds(600), .tokens_per_second = 50};
    }

    void run(char const* name, std::chrono::milliseconds length) const {
        RoutedModel const model{.routes = routes, .candidate_count = target_count};
        PlanInput input{.facts = facts,
                        .candidates = candidates,
                        .models = {&model, 1},
                        .steering = steered ? &steering : nullptr,
                        .model_filter = &filter};
        std::size_t planned = 0;
        auto const taken = fastest(length, [&input, &planned] {
            ++input.draw;
            planned += make_plan(input).order.size();
        });
        if (planned == 0) std::abort();
        std::printf("plan for 20 targets, %-28s %8.2f us\n", name, taken / 1e3);
    }
};

}  // namespace

int main(int argc, char** argv) {
    std::chrono::milliseconds const length(argc > 1 ? std::atoi(argv[1]) : 500);
    constexpr std::array<char const*, static_cast<std::size_t>(RoutePolicy::count_)> names{
        "fallback", "cost", "latency", "throughput", "weighted", "least_busy", "usage", "score", "slo", "complexity"};
    TwentyTargets bench;
    for (std::size_t i = 0; i < names.size(); ++i) {
        bench.routes[0].policy = static_cast<RoutePolicy>(i);
        bench.run(names[i], length);
    }
    bench.steered = true;
    bench.steering.only = {"other", "provider"};
    bench.steering.sort = SortBy::price;
    bench.run("only, sort: price", length);
    bench.steered = false;
    bench.routes.push_back(bench.routes[0]);
    bench.routes[1].policy = RoutePolicy::cost;
    bench.routes[0] = {.policy = RoutePolicy::latency, .members = {{.index = 1, .is_route = true}, {.index = 3}}};
    bench.run("cost within latency", length);
    return 0;
}

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/routing/target_model.hpp"
#include "core/types/routing.hpp"

namespace sluice::routing {

/// Who orders the targets: the planner, or one that knows the truth of this very moment.
enum class Chooser : std::uint8_t { planner, oracle_latency, oracle_cost, oracle_slo };

struct Scenario {
    std::string name;
    std::vector<TargetModel> targets;
    RouteSettings route{};  ///< its members are made from `targets`
    Chooser chooser = Chooser::planner;
    double requests_per_second = 1'000;
    double duration = 600;
    bool hedge = false;
    unsigned hedge_percent = 5;  ///< HedgeSettings::max_extra_load_percent
    bool affinity = false;
    bool retry_budget = true;
    bool one_provider = false;  ///< has all targets: moving on is a repetition, too
    unsigned attempts = 2;      ///< further ones after the first
    /// Only requests that begin here are counted; nothing was learned at first.
    double count_from = 30;
    double count_to = 1e9;
    std::uint64_t seed = 1;
};

/// Over the requests counted. Latency: from the request to the first token that its client sees, failures aside.
struct Figures {
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;  ///< that a client saw
    std::uint64_t attempts = 0;
    std::uint64_t hedges = 0;
    double mean_latency = 0;  ///< seconds, as the next ones
    double p50 = 0;
    double p95 = 0;
    double p99 = 0;
    double cost = 0;        ///< micro-dollars for each request that was answered, lost hedges included
    double hedge_cost = 0;  ///< of that, what lost second attempts cost
    double input_cost = 0;
    double cached_share = 0;  ///< of the input tokens
    double within_slo = 0;    ///< share of the requests with a first token within the route's bound
};

/// Runs in virtual time, with the planner, breaker, budgets, statistics and retry decisions of the gateway as they are.
/// The same scenario gives the same figures.
Figures run(Scenario const& scenario);

}  // namespace sluice::routing

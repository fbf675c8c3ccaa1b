#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/routing/target_model.hpp"
#include "core/types/routing.hpp"

/// What RoutePolicy::complexity is for: requests of which some are hard, and targets of which some are too weak.
namespace sluice::routing {

/// Where the planner has the complexity from.
enum class Judge : std::uint8_t {
    facts,       ///< complexity_of()
    classifier,  ///< asked before each request: the truth, with an error
    oracle,      ///< the truth
};

struct DifficultyScenario {
    std::string name;
    RouteSettings route{};  ///< small, medium, large, unless it has members
    Judge judge = Judge::facts;
    double classifier_error = 0;  ///< sigma
    std::uint64_t requests = 600'000;
    std::uint64_t seed = 1;
};

struct DifficultyFigures {
    std::uint64_t requests = 0;
    std::uint64_t failures = 0;  ///< that a client saw
    std::uint64_t misses = 0;    ///< answered by a target that is too weak
    double mean_latency = 0;     ///< seconds to the first token of those that were answered, the classifier's included
    double cost = 0;             ///< micro-dollars for each of them
    double classifier_cost = 0;  ///< of that
};

/// Every scenario with the same seed sees the same requests. Nothing is learned, and no request waits for another.
DifficultyFigures run(DifficultyScenario const& scenario);

}  // namespace sluice::routing

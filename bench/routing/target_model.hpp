#pragma once

#include <random>
#include <string>
#include <vector>

#include "core/types/money.hpp"

/// What a simulated target really is like. The planner never sees this; the oracle does. Times are seconds from the
/// start of the run.
namespace sluice::routing {

using Random = std::mt19937_64;

/// From `from` to `to`, this share of requests fails.
struct Outage {
    double from = 0;
    double to = 0;
    double failing = 0;
};

struct TargetModel {
    std::string name;
    PriceSheet price;
    double first_token = 0.5;   ///< seconds, the median when idle and undrifted
    double spread = 0.3;        ///< sigma of the lognormal distribution around it
    double drift = 0;           ///< the median swings by this share ...
    double drift_period = 600;  ///< ... once in so many seconds
    double tail_share = 0;      ///< of requests that take `tail_factor` times as long
    double tail_factor = 1;
    double tokens_per_second = 60;
    double failing = 0.002;  ///< always
    std::vector<Outage> outages{};
    double requests_per_second = 0;  ///< more are refused with 429; 0: no limit
    double capacity = 1e9;           ///< requests in flight from which on all become slower
    double answers_below = 101;      ///< the difficulty, 0 to 100, from which on its answers are no good

    double median_first_token(double now, unsigned in_flight) const;
    double mean_first_token(double now, unsigned in_flight) const;
    double p95_first_token(double now, unsigned in_flight) const;
    double failing_at(double now) const;
    /// Seconds of one request.
    double draw_first_token(double now, unsigned in_flight, Random& random) const;
};

/// Six targets that differ in everything: price, speed, drift, tail, outages, limits.
std::vector<TargetModel> six_targets();

/// From the simplest to the strongest: the stronger, the dearer and slower.
std::vector<TargetModel> three_strengths();
/// A small and quick one that says how hard a request is.
TargetModel classifier_model();

}  // namespace sluice::routing

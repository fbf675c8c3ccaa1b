#include "bench/routing/target_model.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sluice::routing {
namespace {

/// Dollars for a million tokens.
PriceSheet dollars(double input, double output, double cached_input) {
    auto nano = [](double usd) { return PricePerMillion{NanoUsd{std::llround(usd * 1e9)}}; };
    return {.input = nano(input), .output = nano(output), .cached_input = nano(cached_input)};
}

}  // namespace

double TargetModel::median_first_token(double now, unsigned in_flight) const {
    auto const swing = 1 + drift * std::sin(2 * std::numbers::pi * now / drift_period);
    return first_token * swing * std::max(1.0, in_flight / capacity);
}

double TargetModel::mean_first_token(double now, unsigned in_flight) const {
    return median_first_token(now, in_flight) * std::exp(spread * spread / 2) * (1 + tail_share * (tail_factor - 1));
}

double TargetModel::p95_first_token(double now, unsigned in_flight) const {
    auto const median = median_first_token(now, in_flight);
    return tail_share >= 0.05 ? median * tail_factor : median * std::exp(1.645 * spread);
}

double TargetModel::failing_at(double now) const {
    auto share = failing;
    for (auto const& outage : outages) {
        if (now >= outage.from && now < outage.to) share = std::max(share, outage.failing);
    }
    return share;
}

double TargetModel::draw_first_token(double now, unsigned in_flight, Random& random) const {
    std::lognormal_distribution<double> around(0, spread);
    std::uniform_real_distribution<double> unit;
    auto const factor = unit(random) < tail_share ? tail_factor : 1.0;
    return median_first_token(now, in_flight) * around(random) * factor;
}

std::vector<TargetModel> six_targets() {
    return {
        {.name = "steady", .price = dollars(0.50, 1.50, 0.25), .first_token = 0.6, .capacity = 8'000},
        {.name = "drifting",
         .price = dollars(0.40, 1.20, 0.10),
         .first_token = 0.7,
         .drift = 0.7,
         .drift_period = 480,
         .capacity = 8'000},
        {.name = "fast",
         .price = dollars(1.20, 4.00, 0.30),
         .first_token = 0.25,
         .tokens_per_second = 200,
         .capacity = 4'000},
        {.name = "failing",
         .price = dollars(0.25, 0.80, 0.12),
         .first_token = 0.5,
         .failing = 0.02,
         .outages = {{.from = 120, .to = 180, .failing = 1.0}, {.from = 330, .to = 450, .failing = 0.3}},
         .capacity = 8'000},
        {.name = "heavy_tailed",
         .price = dollars(0.30, 1.00, 0.15),
         .first_token = 0.3,
         .tail_share = 0.06,
         .tail_factor = 15,
         .capacity = 8'000},
        {.name = "limited",
         .price = dollars(0.15, 0.60, 0.15),
         .first_token = 0.45,
         .requests_per_second = 250,
         .capacity = 8'000},
    };
}

std::vector<TargetModel> three_strengths() {
    return {
        {.name = "small", .price = dollars(0.10, 0.40, 0.10), .first_token = 0.3, .answers_below = 40},
        {.name = "medium", .price = dollars(0.60, 2.40, 0.60), .first_token = 0.5, .answers_below = 70},
        {.name = "large", .price = dollars(3.00, 15.00, 3.00), .first_token = 0.9},
    };
}

TargetModel classifier_model() {
    return {.name = "classifier", .price = dollars(0.10, 0.40, 0.10), .first_token = 0.3};
}

}  // namespace sluice::routing

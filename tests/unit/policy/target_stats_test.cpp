#include "core/policy/target_stats.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace sluice;

namespace {

Instant const start = Instant() + seconds(5'000);

AttemptSample answer(milliseconds first_token, milliseconds whole, std::int64_t output) {
    return {.verdict = Verdict::success, .first_token = first_token, .duration = whole, .output_tokens = output};
}

/// Of sorted values.
double exact(std::vector<double> const& sorted, unsigned percent) {
    auto const rank = std::max<std::size_t>((sorted.size() * percent + 99) / 100, 1);
    return sorted[rank - 1];
}

}  // namespace

TEST_CASE("percentiles are right within 9.1 %", "[target_stats]") {
    auto seed = GENERATE(1U, 2U, 3U);
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> spread(12.0, 1.5);
    TargetStats stats;
    std::vector<double> values;
    for (int i = 0; i < 5'000; ++i) {
        auto const us = static_cast<std::int64_t>(spread(random)) + 100;
        values.push_back(static_cast<double>(us));
        stats.add({.verdict = Verdict::success, .first_token = std::chrono::microseconds(us)}, start);
    }
    std::sort(values.begin(), values.end());
    for (std::size_t i = 0; i < percentiles.size(); ++i) {
        CHECK(stats.measured(start).first_token_us[i] == Approx(exact(values, percentiles[i])).epsilon(0.092));
    }
}

TEST_CASE("throughput counts what is reached, from the first token on", "[target_stats]") {
    TargetStats stats;
    for (int i = 1; i <= 100; ++i) stats.add(answer(seconds(1), seconds(2), 16 * i), start);
    auto const& speed = stats.measured(start).tokens_per_second;
    CHECK(speed[0] == Approx(800).epsilon(0.1));
    CHECK(speed[3] == Approx(80).epsilon(0.12));
    CHECK(std::is_sorted(speed.rbegin(), speed.rend()));
}

TEST_CASE("means, failures and cached input", "[target_stats]") {
    TargetStats stats;
    stats.add(answer(seconds(1), seconds(2), 100), start);
    stats.add(answer(seconds(1), seconds(4), 200), start);
    stats.add({.verdict = Verdict::failure, .duration = seconds(9)}, start);
    stats.add({.verdict = Verdict::silent, .duration = seconds(9)}, start);
    stats.add({.verdict = Verdict::success,
               .duration = seconds(9),
               .input_tokens = 1'000,
               .cached_tokens = 600,
               .resumed_session = true},
              start);
    auto const& measured = stats.measured(start);
    CHECK(measured.requests == 4);
    CHECK(measured.failures == 1);
    CHECK(measured.mean_output_tokens == 150);
    CHECK(measured.us_per_output_token == 20'000);
    CHECK(measured.resumed == 1);
    CHECK(measured.cached_permille == 600);
}

TEST_CASE("a sample is remembered for 270 seconds and forgotten after 300", "[target_stats]") {
    TargetStats stats;
    stats.add(answer(seconds(1), seconds(2), 100), start);
    CHECK(stats.measured(start + seconds(269)).requests == 1);
    CHECK(stats.measured(start + seconds(300)) == Measured{});
}

TEST_CASE("figures are computed anew every 100 ms", "[target_stats]") {
    TargetStats stats;
    CHECK(stats.measured(start).requests == 0);
    stats.add(answer(seconds(1), seconds(2), 100), start);
    CHECK(stats.measured(start + milliseconds(99)).requests == 0);
    CHECK(stats.measured(start + milliseconds(100)).requests == 1);
}

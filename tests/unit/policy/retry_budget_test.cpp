#include "core/policy/retry_budget.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

Instant const start = Instant() + seconds(1'000);

int take_all(RetryBudget& budget, Instant now) {
    int taken = 0;
    while (taken < 100'000 && budget.try_take(now)) ++taken;
    return taken;
}

}  // namespace

TEST_CASE("ten retries in fifteen seconds, and a tenth of each second's requests", "[retry_budget]") {
    auto [requests, expected] =
        GENERATE(table<int, int>({{0, 10}, {9, 10}, {10, 11}, {1'000, 110}, {100'000, 10'010}}));
    CAPTURE(requests);
    RetryBudget budget(10);
    for (int i = 0; i < requests; ++i) budget.count_request(start);
    CHECK(take_all(budget, start) == expected);
}

TEST_CASE("what was not used is not saved up", "[retry_budget]") {
    RetryBudget budget(10);
    for (int i = 0; i < 10'000; ++i) budget.count_request(start);
    CHECK(take_all(budget, start + seconds(1)) == 10);
}

TEST_CASE("a brown-out of a minute at 100 requests a second sees at most 1.1 times the load and one a second",
          "[retry_budget]") {
    auto const phase = GENERATE(milliseconds(0), milliseconds(10), milliseconds(500), milliseconds(990));
    RetryBudget budget(10);
    int attempts = 0;
    for (int tick = -3'000; tick < 6'000; ++tick) {  // half a minute of calm first
        auto const now = start + phase + milliseconds(10 * tick);
        budget.count_request(now);
        if (tick < 0) continue;
        ++attempts;
        while (budget.try_take(now)) ++attempts;
    }
    CHECK(attempts <= 6'000 * 11 / 10 + 60);
    CHECK(attempts >= 6'000 * 11 / 10);
}

#include "core/policy/hedge_budget.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

Instant const start = Instant() + seconds(1'000);

int take_all(HedgeBudget& budget, Instant now, NanoUsd extra) {
    int taken = 0;
    while (taken < 10'000 && budget.try_take(now, extra, 5)) ++taken;
    return taken;
}

}  // namespace

TEST_CASE("at most a share of the requests of the last ten seconds is hedged", "[hedge_budget]") {
    auto [requests, expected] = GENERATE(table<int, int>({{0, 1}, {19, 1}, {20, 1}, {1'000, 50}}));
    CAPTURE(requests);
    HedgeBudget budget;
    for (int i = 0; i < requests; ++i) budget.count_request(start, NanoUsd{0});
    CHECK(take_all(budget, start + seconds(9), NanoUsd{0}) == expected);
    CHECK(take_all(budget, start + seconds(10), NanoUsd{0}) == 0);
}

TEST_CASE("and at most that share of what they cost", "[hedge_budget]") {
    HedgeBudget budget;
    for (int i = 0; i < 1'000; ++i) budget.count_request(start, NanoUsd{10'000});
    CHECK(take_all(budget, start, NanoUsd{100'000}) == 5);
    CHECK(take_all(budget, start, NanoUsd{0}) == 45);
}

TEST_CASE("a second attempt waits for the learned percentile, or a fixed time, at least a little", "[hedge_budget]") {
    Measured measured{.requests = 100, .first_token_us = {100'000, 200'000, 300'000, 400'001, 900'000}};
    HedgeSettings settings{.enabled = true};
    CHECK(hedge_delay(settings, measured) == milliseconds(401));
    settings.percentile = 99;
    CHECK(hedge_delay(settings, measured) == milliseconds(900));
    settings.at_least = seconds(2);
    CHECK(hedge_delay(settings, measured) == seconds(2));
    settings.after = seconds(3);
    CHECK(hedge_delay(settings, measured) == seconds(3));
    CHECK(hedge_delay(settings, {}) == seconds(3));
    settings.after = {};
    CHECK_FALSE(hedge_delay(settings, {}));
    measured.requests = 19;
    CHECK_FALSE(hedge_delay(settings, measured));
    settings.enabled = false;
    measured.requests = 100;
    CHECK_FALSE(hedge_delay(settings, measured));
}

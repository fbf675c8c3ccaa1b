#include "server/cli/migrate/amounts.hpp"

#include <catch2/catch.hpp>

using namespace sluice;
using namespace sluice::cli;

TEST_CASE("an amount is shown with the digits that it has", "[migrate]") {
    CHECK(dollars(NanoUsd{0}) == "0");
    CHECK(dollars(NanoUsd{150'000'000}) == "0.15");
    CHECK(dollars(NanoUsd{30'000'000'000}) == "30");
    CHECK(dollars(NanoUsd{1}) == "0.000000001");
}

TEST_CASE("a sum is rounded to cents, below a dollar to their hundredths", "[migrate]") {
    CHECK(rounded_dollars(NanoUsd{1'234'565'000'000}) == "1234.57");
    CHECK(rounded_dollars(NanoUsd{1'004'999'999}) == "1.00");
    CHECK(rounded_dollars(NanoUsd{12'345'678}) == "0.0123");
    CHECK(rounded_dollars(NanoUsd{7}) == "0.000000007");
    CHECK(rounded_dollars(NanoUsd{0}) == "0");
}

TEST_CASE("a price is shown with its kinds and tiers", "[migrate]") {
    PriceSheet prices{.input = {NanoUsd{5'000'000'000}}, .output = {NanoUsd{30'000'000'000}}};
    CHECK(price_text(prices) == "5 / 30");
    prices.cached_input = PricePerMillion{NanoUsd{500'000'000}};
    prices.tiers.push_back({.above = 272'000, .input = {NanoUsd{10'000'000'000}}, .output = {NanoUsd{45'000'000'000}}});
    CHECK(price_text(prices) == "5 / 30, cached 0.5; above 272000: 10 / 45");
}

TEST_CASE("a ratio is exact, then rounded to hundredths", "[migrate]") {
    CHECK(ratio(NanoUsd{590'000'000}, NanoUsd{850'000'000}) == "1.44x");
    CHECK(ratio(NanoUsd{3}, NanoUsd{1}) == "0.33x");
    CHECK(ratio(NanoUsd{0}, NanoUsd{1}) == "-");
    CHECK(ratio(NanoUsd{9'000'000'000'000'000'000}, NanoUsd{9'000'000'000'000'000'000}) == "1.00x");
}

#include "core/types/money.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace sluice;

namespace {

constexpr PricePerMillion dollars(double amount) { return {NanoUsd{static_cast<std::int64_t>(amount * 1e9 + 0.5)}}; }

}  // namespace

TEST_CASE("a request costs what the price list says, by hand", "[money]") {
    // $2.50 in, $10 out, $1.25 cached: (1000 - 400) x 2500 + 400 x 1250 + 200 x 10000 nano-dollars
    PriceSheet const gpt_4o{.input = dollars(2.5), .output = dollars(10), .cached_input = dollars(1.25)};
    CHECK(cost_of({.input = 1000, .output = 200, .cached_input = 400}, gpt_4o) ==
          NanoUsd{1'500'000 + 500'000 + 2'000'000});
    // $0.0375 a million: 3 tokens are 112.5 nano-dollars, rounded up
    CHECK(cost_of({.input = 3}, {.input = dollars(0.0375)}) == NanoUsd{113});
    // $3 in, $15 out, $3.75 for a cache write, $0.30 for a read
    PriceSheet const sonnet{
        .input = dollars(3), .output = dollars(15), .cached_input = dollars(0.3), .cache_write = dollars(3.75)};
    CHECK(cost_of({.input = 10'000, .output = 500, .cached_input = 6'000, .cache_write = 3'000}, sonnet) ==
          NanoUsd{1'000 * 3'000 + 6'000 * 300 + 3'000 * 3'750 + 500 * 15'000});
}

TEST_CASE("a kind without a price of its own costs as its base kind", "[money]") {
    PriceSheet const flat{.input = dollars(1), .output = dollars(2)};
    CHECK(cost_of({.input = 10, .output = 10, .cached_input = 4, .cache_write = 3, .reasoning = 5}, flat) ==
          NanoUsd{30'000});
    CHECK(cost_of({.output = 10, .reasoning = 4}, {.output = dollars(2), .reasoning = dollars(3)}) == NanoUsd{24'000});
}

TEST_CASE("rounding up happens once, over the sum", "[money]") {
    // Each part is half a nano-dollar: rounded apart they would be two.
    PriceSheet const half{.input = {NanoUsd{500'000}}, .output = {NanoUsd{500'000}}};
    CHECK(cost_of({.input = 1, .output = 1}, half) == NanoUsd{1});
    CHECK(cost_of({.input = 1}, half) == NanoUsd{1});
    CHECK(cost_of({}, half) == NanoUsd{0});
}

TEST_CASE("figures that contradict one another never make a cost negative", "[money]") {
    PriceSheet const prices{.input = dollars(1), .output = dollars(2), .cached_input = dollars(0.5)};
    CHECK(cost_of({.input = 10, .cached_input = 50}, prices) == NanoUsd{10 * 500});
    CHECK(cost_of({.input = -5, .output = -5, .cached_input = -5, .reasoning = 7}, prices) == NanoUsd{0});
    CHECK(cost_of({.input = 10, .cached_input = 8, .cache_write = 8}, prices) == NanoUsd{8 * 500 + 2 * 1'000});
}

TEST_CASE("the sum is exact beyond 64 bits", "[money]") {
    // 4e12 tokens at $2,000 a million are 8e18 nano-dollars; the product alone is 8e24.
    CHECK(cost_of({.input = 4'000'000'000'000}, {.input = {NanoUsd{2'000'000'000'000}}}) ==
          NanoUsd{8'000'000'000'000'000'000});
}

TEST_CASE("a long prompt is priced by its tier, all of it", "[money]") {
    PriceSheet const gpt{
        .input = dollars(5),
        .output = dollars(30),
        .cached_input = dollars(0.5),
        .tiers = {{.above = 500'000, .input = dollars(20), .output = dollars(90)},
                  {.above = 272'000, .input = dollars(10), .output = dollars(45), .cached_input = dollars(1)}}};
    CHECK(cost_of({.input = 272'000, .output = 10}, gpt) == NanoUsd{272'000LL * 5'000 + 10 * 30'000});
    CHECK(cost_of({.input = 272'001, .output = 10}, gpt) == NanoUsd{272'001LL * 10'000 + 10 * 45'000});
    CHECK(cost_of({.input = 300'000, .output = 10, .cached_input = 100'000}, gpt) ==
          NanoUsd{200'000LL * 10'000 + 100'000LL * 1'000 + 10 * 45'000});
    CHECK(cost_of({.input = 600'000, .output = 10, .cached_input = 100'000}, gpt) ==
          NanoUsd{600'000LL * 20'000 + 10 * 90'000});
}

TEST_CASE("a decimal number of dollars is read exactly, rounded up to a nano-dollar", "[money]") {
    auto const [text, exponent, cost] = GENERATE(table<char const*, int, std::optional<NanoUsd>>({
        {"0", 0, NanoUsd{0}},
        {"0.000", 0, NanoUsd{0}},
        {"1", 0, NanoUsd{1'000'000'000}},
        {"0.1", 0, NanoUsd{100'000'000}},
        {"0.000000001", 0, NanoUsd{1}},
        {"0.0000000010", 0, NanoUsd{1}},
        {"0.00000000100000000000000000000001", 0, NanoUsd{2}},
        {"1e-400", 0, NanoUsd{1}},
        {"1.25e-3", 0, NanoUsd{1'250'000}},
        {"12E+1", 0, NanoUsd{120'000'000'000}},
        {"9223372036.854775807", 0, NanoUsd{9'223'372'036'854'775'807}},
        {"9223372036.8547758071", 0, std::nullopt},
        {"9223372036.854775808", 0, std::nullopt},
        {"1e10", 0, std::nullopt},
        {"1e999999999", 0, std::nullopt},
        {"37756001", -10, NanoUsd{3'775'601}},
        {"10", -10, NanoUsd{1}},
        {"-1", 0, std::nullopt},
        {"", 0, std::nullopt},
        {".", 0, std::nullopt},
        {"1e", 0, std::nullopt},
        {"1x", 0, std::nullopt},
        {"1.2.3", 0, std::nullopt},
    }));
    CAPTURE(text, exponent);
    CHECK((read_usd(text, exponent) == cost));
}

#include "core/policy/worst_case.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <string>
#include <string_view>

#include "core/policy/lottery.hpp"

using namespace sluice;

namespace {

constexpr std::int64_t most_int = std::numeric_limits<std::int64_t>::max();

PricePerMillion dollars(std::int64_t whole) { return {NanoUsd{whole * 1'000'000'000}}; }

ChatRequest chat(std::string_view body) {
    ChatRequest request;
    request.body = body;
    return request;
}

/// Draws sheets, bounds and usages.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : lottery_(seed) {}

    std::int64_t below(std::int64_t end) {
        return static_cast<std::int64_t>(lottery_.next() % static_cast<std::uint64_t>(end));
    }
    bool once_in(std::int64_t times) { return below(times) == 0; }
    std::int64_t up_to(std::int64_t most) { return once_in(4) ? most : below(most + 1); }

    PricePerMillion price() { return {NanoUsd{once_in(6) ? 0 : below(1LL << (1 + below(40)))}}; }
    std::optional<PricePerMillion> perhaps() { return once_in(2) ? std::nullopt : std::optional(price()); }
    PriceSheet sheet() {
        PriceSheet sheet{price(), price(), perhaps(), perhaps(), perhaps(), {}};
        for (auto tiers = below(4); tiers > 0; --tiers) {
            sheet.tiers.push_back({below(1'000'000), price(), price(), perhaps(), perhaps(), perhaps()});
        }
        return sheet;
    }
    Usage usage(WorstCase const& most) {
        Usage usage{.input = up_to(most.input_tokens), .output = up_to(most.output_tokens)};
        usage.cached_input = up_to(usage.input);
        usage.cache_write = up_to(usage.input - usage.cached_input);
        usage.reasoning = up_to(usage.output);
        usage.audio_input = up_to(usage.input);
        usage.audio_output = up_to(usage.output - usage.reasoning);
        return usage;
    }

private:
    Lottery lottery_;
};

}  // namespace

TEST_CASE("the input's bound is every byte of the body, and what the target adds", "[worst_case]") {
    std::string const body(1'000, 'x');
    auto request = chat(body);
    auto const plain = worst_case(request, {}).input_tokens;
    CHECK(plain >= 1'000);
    CHECK(plain < 1'300);
    request.facts.tools = 1;
    CHECK(worst_case(request, {}).input_tokens == plain + 1'024);
}

TEST_CASE("an image counts as an image: its data is no text, its address tells nothing", "[worst_case]") {
    std::string const body(900'000, 'x');
    auto request = chat(body);
    request.images = 2;
    request.image_data_bytes = 899'000;
    CHECK(worst_case(request, {}).input_tokens == 1'000 + 256 + 2 * most_image_tokens);
    request.image_data_bytes = 0;
    CHECK(worst_case(request, {}).input_tokens == 900'000 + 256 + 2 * most_image_tokens);
}

TEST_CASE("the output's bound is what the client said, else the target's maximum, else assumed; for each choice",
          "[worst_case]") {
    struct Case {
        std::optional<std::int64_t> said;
        std::int64_t target, choices, output;
        bool bounded;
    };
    auto const [said, target, choices, output, bounded] = GENERATE(values<Case>({
        {100, 0, 1, 100, true},
        {100, 50, 1, 100, true},  // what the catalogue knows may be old, and the client would be obeyed
        {{}, 4'096, 1, 4'096, true},
        {{}, 4'096, 3, 12'288, true},
        {{}, 0, 2, 2 * assumed_max_output, false},
        {most_int, 0, 16, most_int / 16 * 16, true},
    }));
    auto request = chat("{}");
    request.max_output_tokens = said;
    request.choices = choices;
    auto const most = worst_case(request, {.max_output = target});
    CHECK(most.output_tokens == output);
    CHECK(most.output_is_bounded == bounded);
}

TEST_CASE("the highest cost takes the dearest kind of token", "[worst_case]") {
    WorstCase const most{.input_tokens = 1'000, .output_tokens = 100};
    CHECK(highest_cost(most, {.input = dollars(3), .output = dollars(15)}) == NanoUsd{1'000 * 3'000 + 100 * 15'000});
    CHECK(highest_cost(most, {.input = dollars(3), .output = dollars(15), .cached_input = dollars(1)}) ==
          NanoUsd{1'000 * 3'000 + 100 * 15'000});
    CHECK(highest_cost(most, {.input = dollars(3), .output = dollars(15), .cache_write = dollars(4)}) ==
          NanoUsd{1'000 * 4'000 + 100 * 15'000});
    CHECK(highest_cost(most, {.input = dollars(3), .output = dollars(15), .reasoning = dollars(20)}) ==
          NanoUsd{1'000 * 3'000 + 100 * 20'000});
    CHECK(highest_cost(most, {}) == NanoUsd{0});
}

TEST_CASE("the highest cost takes a tier only if so much input can be", "[worst_case]") {
    PriceSheet const tiered{.input = dollars(1),
                            .output = dollars(1),
                            .tiers = {{.above = 999, .input = dollars(2), .output = dollars(3)}}};
    CHECK(highest_cost({.input_tokens = 999, .output_tokens = 10}, tiered) == NanoUsd{1'009 * 1'000});
    CHECK(highest_cost({.input_tokens = 1'000, .output_tokens = 10}, tiered) == NanoUsd{1'000 * 2'000 + 10 * 3'000});
    // More input can be cheaper: then it is less input that costs most.
    PriceSheet const falling{.input = dollars(9),
                             .output = dollars(9),
                             .tiers = {{.above = 999, .input = dollars(1), .output = dollars(1)}}};
    CHECK(highest_cost({.input_tokens = 1'000, .output_tokens = 10}, falling) == NanoUsd{1'009 * 9'000});
}

TEST_CASE("no usage within the bounds costs more than the highest cost", "[worst_case][property]") {
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        Dice dice(seed);
        auto const sheet = dice.sheet();
        WorstCase const most{.input_tokens = dice.below(2'000'000), .output_tokens = dice.below(200'000)};
        auto const highest = highest_cost(most, sheet);
        for (int i = 0; i < 20; ++i) {
            auto const usage = dice.usage(most);
            if (cost_of(usage, sheet) > highest) FAIL("seed " << seed << ", usage " << i);
        }
    }
    SUCCEED();
}

TEST_CASE("the highest cost is reached where the input is in one tier", "[worst_case][property]") {
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        Dice dice(seed);
        auto sheet = dice.sheet();
        sheet.tiers.clear();
        WorstCase const most{.input_tokens = dice.below(2'000'000), .output_tokens = dice.below(200'000)};
        NanoUsd highest{};
        for (auto const written : {std::int64_t{0}, most.input_tokens}) {
            for (auto const cached : {std::int64_t{0}, most.input_tokens - written}) {
                for (auto const reasoning : {std::int64_t{0}, most.output_tokens}) {
                    Usage const usage{.input = most.input_tokens,
                                      .output = most.output_tokens,
                                      .cached_input = cached,
                                      .cache_write = written,
                                      .reasoning = reasoning};
                    highest = std::max(highest, cost_of(usage, sheet));
                }
            }
        }
        if (highest != highest_cost(most, sheet)) FAIL("seed " << seed);
    }
    SUCCEED();
}

TEST_CASE("the affordable output is the largest whose highest cost stays within the money", "[worst_case][property]") {
    for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
        Dice dice(seed);
        auto const sheet = dice.sheet();
        WorstCase most{.input_tokens = dice.below(2'000'000), .output_tokens = 0};
        auto const money = NanoUsd{dice.below(1LL << (1 + dice.below(50)))};
        auto const output = affordable_output(most, sheet, money);
        bool const input_fits = highest_cost(most, sheet) <= money;
        bool right = output.has_value() == input_fits;
        if (output) {
            most.output_tokens = *output;
            right &= highest_cost(most, sheet) <= money;
            if (*output < most_int) {
                ++most.output_tokens;
                right &= highest_cost(most, sheet) > money;
            }
        }
        if (!right) FAIL("seed " << seed);
    }
    SUCCEED();
}

TEST_CASE("a cost beyond all bounds is the most that there is, never a small one", "[worst_case]") {
    PriceSheet const dear{.input = {NanoUsd{most_int}}, .output = {NanoUsd{most_int}}};
    CHECK(highest_cost({.input_tokens = most_int, .output_tokens = most_int}, dear) == NanoUsd{most_int});
    CHECK(cost_of({.input = most_int, .output = most_int}, dear) == NanoUsd{most_int});
    CHECK(affordable_output({.input_tokens = 0}, {}, NanoUsd{0}) == most_int);
}

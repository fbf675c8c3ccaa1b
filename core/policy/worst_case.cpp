#include "core/policy/worst_case.hpp"

#include <algorithm>
#include <limits>

namespace sluice {
namespace {

__extension__ using Wide = __int128;
constexpr std::int64_t no_bound = std::numeric_limits<std::int64_t>::max();

// What a target puts around a prompt by itself: its template's own system message, and the instructions for calling
// tools. Several times the most that was seen of each.
constexpr std::int64_t own_tokens = 256;
constexpr std::int64_t own_tool_tokens = 1'024;

/// The dearest that a token can be in one tier, and the most input that is priced by it.
struct Prices {
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t most_input = no_bound;
};

/// `Sheet`: a PriceSheet or a PriceTier.
template <class Sheet>
Prices dearest(Sheet const& sheet, std::int64_t most_input) {
    auto const price = [](PricePerMillion kind) { return std::max<std::int64_t>(kind.value.count, 0); };
    auto const input = price(sheet.input);
    auto const output = price(sheet.output);
    return {.input = std::max({input, price(sheet.cached_input.value_or(sheet.input)),
                               price(sheet.cache_write.value_or(sheet.input))}),
            .output = std::max(output, price(sheet.reasoning.value_or(sheet.output))),
            .most_input = most_input};
}

/// The most input that a tier that begins above `above` prices: up to where the next one begins.
std::int64_t end_of_tier(PriceSheet const& prices, std::int64_t above) {
    auto end = no_bound;
    for (auto const& tier : prices.tiers) {
        if (tier.above > above) end = std::min(end, tier.above);
    }
    return end;
}

/// Calls `see` with the prices of each tier that a call with up to `input` tokens can be in.
template <class See>
void each_reachable(PriceSheet const& prices, std::int64_t input, See see) {
    see(dearest(prices, end_of_tier(prices, std::numeric_limits<std::int64_t>::min())));
    for (auto const& tier : prices.tiers) {
        if (tier.above < input) see(dearest(tier, end_of_tier(prices, tier.above)));
    }
}

/// Before the division by a million. Within bounds: 2^63 * 2^63 * 2.
Wide exact_cost(std::int64_t input, std::int64_t output, Prices const& prices) {
    return static_cast<Wide>(std::min(input, prices.most_input)) * prices.input +
           static_cast<Wide>(output) * prices.output;
}

constexpr Wide million = 1'000'000;

}  // namespace

WorstCase worst_case(ChatRequest const& request, TargetTraits const& target) {
    auto const text = request.body.size() - std::min(request.image_data_bytes, request.body.size());
    WorstCase most;
    most.input_tokens = static_cast<std::int64_t>(text) + own_tokens + most_image_tokens * request.images +
                        (request.facts.tools > 0 ? own_tool_tokens : 0);
    auto const said = request.max_output_tokens.value_or(target.max_output);
    most.output_is_bounded = said > 0;
    auto const choices = std::max<std::int64_t>(request.choices, 1);
    auto const each = std::min(said > 0 ? said : assumed_max_output, no_bound / choices);
    most.output_tokens = each * choices;
    return most;
}

NanoUsd highest_cost(WorstCase const& most, PriceSheet const& prices) {
    auto const input = std::max<std::int64_t>(most.input_tokens, 0);
    auto const output = std::max<std::int64_t>(most.output_tokens, 0);
    Wide highest = 0;
    each_reachable(prices, input, [&highest, input, output](Prices const& tier) {
        highest = std::max(highest, exact_cost(input, output, tier));
    });
    return NanoUsd{static_cast<std::int64_t>(std::min<Wide>((highest + million - 1) / million, no_bound))};
}

std::optional<std::int64_t> affordable_output(WorstCase const& most, PriceSheet const& prices, NanoUsd money) {
    auto const input = std::max<std::int64_t>(most.input_tokens, 0);
    auto const budget = static_cast<Wide>(std::max<std::int64_t>(money.count, 0)) * million;
    Wide least = no_bound;
    each_reachable(prices, input, [&least, input, budget](Prices const& tier) {
        auto const left = budget - exact_cost(input, 0, tier);
        if (left < 0) {
            least = -1;
        } else if (tier.output > 0) {
            least = std::min(least, left / tier.output);
        }
    });
    if (least < 0) return std::nullopt;
    return static_cast<std::int64_t>(least);
}

}  // namespace sluice

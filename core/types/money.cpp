#include "core/types/money.hpp"

#include <algorithm>
#include <limits>

namespace sluice {
namespace {

__extension__ using Wide = __int128;

Wide part(std::int64_t tokens, PricePerMillion price) {
    return static_cast<Wide>(std::max<std::int64_t>(tokens, 0)) * price.value.count;
}

/// `Prices`: a PriceSheet or a PriceTier.
template <class Prices>
NanoUsd sum_of(Usage const& usage, Prices const& prices) {
    auto const cached = std::clamp<std::int64_t>(usage.cached_input, 0, std::max<std::int64_t>(usage.input, 0));
    auto const written =
        std::clamp<std::int64_t>(usage.cache_write, 0, std::max<std::int64_t>(usage.input - cached, 0));
    auto const reasoning = std::clamp<std::int64_t>(usage.reasoning, 0, std::max<std::int64_t>(usage.output, 0));
    Wide const total =
        part(usage.input - cached - written, prices.input) + part(cached, prices.cached_input.value_or(prices.input)) +
        part(written, prices.cache_write.value_or(prices.input)) + part(usage.output - reasoning, prices.output) +
        part(reasoning, prices.reasoning.value_or(prices.output));
    constexpr Wide million = 1'000'000;
    constexpr Wide most = std::numeric_limits<std::int64_t>::max();
    return NanoUsd{static_cast<std::int64_t>(std::min((total + million - 1) / million, most))};
}

}  // namespace

NanoUsd cost_of(Usage const& usage, PriceSheet const& prices) {
    PriceTier const* tier = nullptr;
    for (PriceTier const& each : prices.tiers) {
        if (each.above < usage.input && (tier == nullptr || tier->above < each.above)) tier = &each;
    }
    return tier != nullptr ? sum_of(usage, *tier) : sum_of(usage, prices);
}

}  // namespace sluice

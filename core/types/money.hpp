#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/types/nano_usd.hpp"
#include "core/types/usage.hpp"

namespace sluice {

/// "$0.0375 per million tokens" is exactly 37'500'000.
struct PricePerMillion {
    NanoUsd value{};
    friend constexpr auto operator<=>(PricePerMillion, PricePerMillion) = default;
};

/// What a request with more than `above` input tokens costs instead, all of it.
struct PriceTier {
    std::int64_t above = 0;
    PricePerMillion input{};
    PricePerMillion output{};
    std::optional<PricePerMillion> cached_input{};
    std::optional<PricePerMillion> cache_write{};
    std::optional<PricePerMillion> reasoning{};
    friend bool operator==(PriceTier const&, PriceTier const&) = default;
};

/// What a target charges. A kind without a price of its own is charged as its base kind (cached input as input ...),
/// within its tier.
struct PriceSheet {
    PricePerMillion input{};
    PricePerMillion output{};
    std::optional<PricePerMillion> cached_input{};
    std::optional<PricePerMillion> cache_write{};
    std::optional<PricePerMillion> reasoning{};
    std::vector<PriceTier>
        tiers{};  ///< in any order; the one with the largest `above` below the input prices a request
    friend bool operator==(PriceSheet const&, PriceSheet const&) = default;
};

/// The exact sum over all kinds of token in 128 bits, rounded up to a NanoUsd once per request; at most what one holds.
NanoUsd cost_of(Usage const& usage, PriceSheet const& prices);

}  // namespace sluice

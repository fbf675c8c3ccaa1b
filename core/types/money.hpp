#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "core/types/nano_usd.hpp"
#include "core/types/usage.hpp"

namespace sluice {

/// "$0.0375 per million tokens" is exactly 37'500'000.
struct PricePerMillion {
    NanoUsd value{};
    friend constexpr auto operator<=>(PricePerMillion, PricePerMillion) = default;
};

/// What a target charges. A kind without a price of its own is charged as its base kind (cached input as input ...).
struct PriceSheet {
    PricePerMillion input{};
    PricePerMillion output{};
    std::optional<PricePerMillion> cached_input{};
    std::optional<PricePerMillion> cache_write{};
    std::optional<PricePerMillion> reasoning{};
    friend bool operator==(PriceSheet const&, PriceSheet const&) = default;
};

/// The exact sum over all kinds of token in 128 bits, rounded up to a NanoUsd once per request.
NanoUsd cost_of(Usage const& usage, PriceSheet const& prices);

}  // namespace sluice

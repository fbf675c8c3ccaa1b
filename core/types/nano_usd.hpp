#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// Billionths of a US dollar: int64 reaches 9.2 billion dollars. Never a double on the way to a balance.
struct NanoUsd {
    std::int64_t count = 0;
    friend constexpr auto operator<=>(NanoUsd, NanoUsd) = default;
};

/// Nothing where one of them is unknown.
constexpr std::optional<NanoUsd> sum(std::optional<NanoUsd> a, std::optional<NanoUsd> b) {
    if (!a || !b) return std::nullopt;
    return NanoUsd{a->count + b->count};
}

/// What `decimal`, a JSON number ("0.0000123", "1.5e-7"), is in units of 10^`exponent` dollars: exactly, and rounded up
/// to a whole NanoUsd. Nothing for a negative one, for one that does not fit, and for what is no number.
std::optional<NanoUsd> read_usd(std::string_view decimal, int exponent = 0);

}  // namespace sluice

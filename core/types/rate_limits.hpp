#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/types/clock.hpp"

/// What a provider's answer says of the limits of the credential that it was asked with.
namespace sluice {

enum class LimitKind : std::uint8_t { requests, tokens, count_ };
enum class LimitWindow : std::uint8_t { unnamed, minute, hour, day, longer };

struct RateBucket {
    LimitKind kind = LimitKind::requests;
    LimitWindow window = LimitWindow::unnamed;
    std::int64_t limit = -1;      ///< -1: unknown
    std::int64_t remaining = -1;  ///< -1: unknown
    std::optional<milliseconds> resets_in{};
    friend bool operator==(RateBucket const&, RateBucket const&) = default;

    /// Nothing is left, and it is known when there will be. A limit of 0 means that there is none.
    bool is_empty() const { return remaining == 0 && limit != 0 && resets_in.has_value(); }
};

using RateLimits = std::vector<RateBucket>;

/// Until no bucket is empty any more; nothing when none is.
inline std::optional<milliseconds> time_to_refill(RateLimits const& limits) {
    std::optional<milliseconds> wait;
    for (auto const& bucket : limits) {
        if (bucket.is_empty() && (!wait || *bucket.resets_in > *wait)) wait = bucket.resets_in;
    }
    return wait;
}

}  // namespace sluice

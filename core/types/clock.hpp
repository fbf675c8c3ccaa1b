#pragma once

#include <algorithm>
#include <chrono>

namespace sluice {

/// A point on the monotonic clock. Wall time is known to the log and the ledger only.
using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr Instant never = Instant::max();

inline constexpr Instant earlier(Instant a, Instant b) { return std::min(a, b); }

/// `from + wait`, or `never` where `wait` is zero: a limit that is switched off.
inline constexpr Instant after(Instant from, milliseconds wait) {
    return wait == milliseconds::zero() ? never : from + wait;
}

}  // namespace sluice

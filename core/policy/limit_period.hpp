#pragma once

#include <cstdint>
#include <optional>

#include "core/types/limits.hpp"

/// When windows begin and end. Calendars are UTC: no day has 23 hours. Time is an argument.
namespace sluice {

/// From `begin` until just before `end`.
struct CountingWindow {
    WallTime begin{};
    std::optional<WallTime> end{};  ///< absent: never
    friend bool operator==(CountingWindow const&, CountingWindow const&) = default;
};

/// The window of `period` that `now` lies in. total: all time, from 1970 on. rolling: what `now` looks back on; no end,
/// for use is forgotten bit by bit.
CountingWindow window_at(LimitPeriod const& period, WallTime now);

/// A rolling period counts in slots, so that its memory is bounded: a window spans at most 60 and two that it touches.
/// A slot is forgotten when all of it is older than the period: nothing is forgotten early, everything at most a 60th
/// of the period late.
std::int64_t rolling_slot(LimitPeriod const& period, WallTime now);
/// From then on nothing of that slot counts.
WallTime rolling_slot_ends(LimitPeriod const& period, std::int64_t slot);

}  // namespace sluice

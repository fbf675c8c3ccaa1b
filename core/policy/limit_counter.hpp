#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/types/limits.hpp"

namespace sluice {

/// A sum of amounts, each an int64, that no number of them overflows.
__extension__ using WideAmount = __int128;

/// At most what an int64 holds; below 0: 0.
std::int64_t narrow(WideAmount amount);

/// What was used of one limit, in its window. Pure: no clock and no lock. `now` must never go back; a window that was
/// left never comes again.
class LimitCounter {
public:
    explicit LimitCounter(Limit limit);

    Limit const& limit() const { return limit_; }
    /// Whether `other` counts the same in the same windows, whatever it allows.
    bool counts_as(Limit const& other) const { return limit_.of == other.of && limit_.per == other.per; }
    /// Allows as much as `limit`, which counts the same, from now on.
    void allow(Limit limit);

    /// Moves on to the window of `now`. To be called before anything below.
    void advance(WallTime now) {
        if (now >= changes_) move_on(now);
    }

    /// `used`, >= 0, counts from now on.
    void settle(std::int64_t used, WallTime now);
    /// Counts what was used at `at`, at the latest `now`; gives no warnings.
    void restore(std::int64_t used, WallTime at, WallTime now);

    WideAmount settled() const { return settled_; }
    /// When the window began. total, and what is concurrent: 1970; rolling: 1970, too, for one window is the same as
    /// the next with less in it.
    WallTime began() const { return began_; }
    /// When all of the window's use is forgotten, or the oldest part of it (rolling); absent: never, or nothing is
    /// there to forget.
    std::optional<WallTime> resets_at() const;
    /// When so much has been forgotten that `amount` fits beside the rest; absent: never. `elsewhere` was used too, but
    /// not here; rolling: when it is forgotten is unknown, so that this is the latest that it can be.
    std::optional<WallTime> fits_at(std::int64_t amount, WideAmount elsewhere, WallTime now) const;
    bool unused() const { return settled_ == 0; }

    /// One of warn_at that settled use has reached, each once in a window (rolling: once in its length); absent: none.
    std::optional<unsigned> take_warning(WallTime now);

private:
    struct Slot {
        std::int64_t number = 0;
        WideAmount used = 0;
    };
    bool is_rolling() const { return limit_.per.kind == LimitPeriod::Kind::rolling; }
    void move_on(WallTime now);
    void forget_slots(WallTime now);
    void add_to_slot(std::int64_t number, std::int64_t used);
    bool has_reached(unsigned percent) const;

    Limit limit_;
    WideAmount settled_ = 0;
    WallTime began_{};
    WallTime changes_ = WallTime::max();  ///< nothing happens by itself before
    std::vector<Slot> slots_{};           ///< rolling: those with use, oldest first
    unsigned warned_percent_ = 0;         ///< in this window
    WallTime warned_until_ = WallTime::max();
};

}  // namespace sluice

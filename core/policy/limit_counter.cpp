#include "core/policy/limit_counter.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/policy/limit_period.hpp"

namespace sluice {

std::int64_t narrow(WideAmount amount) {
    constexpr WideAmount most = std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(std::clamp<WideAmount>(amount, 0, most));
}

LimitCounter::LimitCounter(Limit limit) : limit_(std::move(limit)) {
    auto const kind = limit_.per.kind;
    bool const has_windows =
        limit_.of != Resource::concurrent && kind != LimitPeriod::Kind::total && kind != LimitPeriod::Kind::rolling;
    if (has_windows) changes_ = WallTime::min();
}

void LimitCounter::allow(Limit limit) {
    bool const same_amount = limit.most == limit_.most;
    limit_ = std::move(limit);
    if (same_amount || limit_.most <= 0) return;
    // With more room, what was warned of may come true a second time.
    auto const percent = narrow(settled_ * 100 / limit_.most);
    if (percent < warned_percent_) warned_percent_ = static_cast<unsigned>(percent);
}

void LimitCounter::move_on(WallTime now) {
    if (is_rolling()) return forget_slots(now);
    auto const window = window_at(limit_.per, now);
    began_ = window.begin;
    changes_ = window.end.value_or(WallTime::max());
    settled_ = 0;
    warned_percent_ = 0;
}

void LimitCounter::forget_slots(WallTime now) {
    auto live = slots_.begin();
    for (; live != slots_.end() && now >= rolling_slot_ends(limit_.per, live->number); ++live) settled_ -= live->used;
    slots_.erase(slots_.begin(), live);
    changes_ = slots_.empty() ? WallTime::max() : rolling_slot_ends(limit_.per, slots_.front().number);
}

void LimitCounter::add_to_slot(std::int64_t number, std::int64_t used) {
    auto slot = slots_.end();
    while (slot != slots_.begin() && std::prev(slot)->number >= number) --slot;  // mostly the last one
    if (slot == slots_.end() || slot->number != number) slot = slots_.insert(slot, {.number = number});
    slot->used += used;
    changes_ = rolling_slot_ends(limit_.per, slots_.front().number);
}

void LimitCounter::settle(std::int64_t used, WallTime now) {
    if (limit_.of == Resource::concurrent || used <= 0) return;
    if (is_rolling()) add_to_slot(rolling_slot(limit_.per, now), used);
    settled_ += used;
}

void LimitCounter::restore(std::int64_t used, WallTime at, WallTime now) {
    at = std::min(at, now);
    bool const forgotten = is_rolling() ? now >= rolling_slot_ends(limit_.per, rolling_slot(limit_.per, at))
                                        : limit_.per.kind != LimitPeriod::Kind::total && at < began_;
    if (!forgotten) settle(used, at);
    for (auto const percent : limit_.warn_at) {
        if (!has_reached(percent)) break;
        warned_percent_ = percent;
    }
    if (is_rolling() && warned_percent_ > 0) warned_until_ = now + limit_.per.length;
}

std::optional<WallTime> LimitCounter::resets_at() const {
    if (changes_ == WallTime::max()) return std::nullopt;
    return changes_;
}

std::optional<WallTime> LimitCounter::fits_at(std::int64_t amount, WideAmount elsewhere, WallTime now) const {
    if (amount > limit_.most) return std::nullopt;
    if (!is_rolling()) return resets_at();
    auto rest = settled_ + elsewhere;
    for (auto const& slot : slots_) {
        rest -= slot.used;
        if (rest + amount <= limit_.most) return rolling_slot_ends(limit_.per, slot.number);
    }
    return rolling_slot_ends(limit_.per, rolling_slot(limit_.per, now));
}

bool LimitCounter::has_reached(unsigned percent) const {
    return settled_ > 0 && settled_ * 100 >= static_cast<WideAmount>(limit_.most) * percent;
}

std::optional<unsigned> LimitCounter::take_warning(WallTime now) {
    if (is_rolling() && now >= warned_until_) {
        warned_percent_ = 0;
        warned_until_ = WallTime::max();
    }
    for (auto const percent : limit_.warn_at) {
        if (percent <= warned_percent_) continue;
        if (!has_reached(percent)) break;
        warned_percent_ = percent;
        if (is_rolling() && warned_until_ == WallTime::max()) warned_until_ = now + limit_.per.length;
        return percent;
    }
    return std::nullopt;
}

}  // namespace sluice

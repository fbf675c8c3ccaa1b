#include "core/policy/limit_period.hpp"

#include <algorithm>

namespace sluice {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::milliseconds;
using std::chrono::months;
using std::chrono::sys_days;

constexpr std::int64_t slots_per_window = 60;

/// Towards the past, also before 1970.
std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

milliseconds length_of(LimitPeriod const& period) {
    return std::max<milliseconds>(period.length, std::chrono::seconds(1));
}

milliseconds slot_length(LimitPeriod const& period) {
    return milliseconds((length_of(period).count() + slots_per_window - 1) / slots_per_window);
}

CountingWindow month_at(WallTime now) {
    std::chrono::year_month_day const date(floor<days>(now));
    auto const first = date.year() / date.month() / 1;
    return {.begin = sys_days(first), .end = sys_days(first + months(1))};
}

CountingWindow week_at(WallTime now) {
    auto const today = floor<days>(now);
    auto const monday = today - (std::chrono::weekday(today) - std::chrono::Monday);
    return {.begin = monday, .end = monday + days(7)};
}

CountingWindow aligned_at(LimitPeriod const& period, WallTime now) {
    auto const length = length_of(period);
    WallTime const begin(length * floor_divide(now.time_since_epoch().count(), length.count()));
    return {.begin = begin, .end = begin + length};
}

}  // namespace

CountingWindow window_at(LimitPeriod const& period, WallTime now) {
    switch (period.kind) {
        case LimitPeriod::Kind::day:
            return {.begin = floor<days>(now), .end = floor<days>(now) + days(1)};
        case LimitPeriod::Kind::week:
            return week_at(now);
        case LimitPeriod::Kind::month:
            return month_at(now);
        case LimitPeriod::Kind::aligned:
            return aligned_at(period, now);
        case LimitPeriod::Kind::rolling:
            return {.begin = now - length_of(period)};
        case LimitPeriod::Kind::total:
            break;
    }
    return {};
}

std::int64_t rolling_slot(LimitPeriod const& period, WallTime now) {
    return floor_divide(now.time_since_epoch().count(), slot_length(period).count());
}

WallTime rolling_slot_ends(LimitPeriod const& period, std::int64_t slot) {
    return WallTime(slot_length(period) * (slot + 1)) + length_of(period);
}

}  // namespace sluice

#include "core/policy/limit_period.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace sluice;
using namespace std::chrono;

namespace {

using Kind = LimitPeriod::Kind;

WallTime at(int y, unsigned m, unsigned d, milliseconds time = {}) {
    return sys_days(year(y) / month(m) / day(d)) + time;
}

constexpr LimitPeriod daily{.kind = Kind::day}, weekly{.kind = Kind::week}, monthly{.kind = Kind::month};

/// The same from the first principles: goes back day by day.
WallTime month_began(WallTime now) {
    auto today = floor<days>(now);
    while (year_month_day(today).day() != day(1)) today -= days(1);
    return today;
}
WallTime week_began(WallTime now) {
    auto today = floor<days>(now);
    while (weekday(today) != Monday) today -= days(1);
    return today;
}

}  // namespace

TEST_CASE("a window begins and ends where the calendar says, in UTC", "[limits]") {
    auto const last_moment = hours(24) - milliseconds(1);
    CHECK(window_at(daily, at(2026, 11, 25, hours(13))) == CountingWindow{at(2026, 11, 25), at(2026, 11, 26)});
    CHECK(window_at(daily, at(2026, 11, 25)) == CountingWindow{at(2026, 11, 25), at(2026, 11, 26)});
    CHECK(window_at(daily, at(2026, 11, 25, last_moment)) == CountingWindow{at(2026, 11, 25), at(2026, 11, 26)});
    // Wednesday, Sunday's last moment, Monday's first
    CHECK(window_at(weekly, at(2026, 11, 25)) == CountingWindow{at(2026, 11, 23), at(2026, 11, 30)});
    CHECK(window_at(weekly, at(2026, 11, 29, last_moment)) == CountingWindow{at(2026, 11, 23), at(2026, 11, 30)});
    CHECK(window_at(weekly, at(2026, 11, 30)) == CountingWindow{at(2026, 11, 30), at(2026, 12, 7)});
    CHECK(window_at(monthly, at(2026, 12, 31, last_moment)) == CountingWindow{at(2026, 12, 1), at(2027, 1, 1)});
    CHECK(window_at(monthly, at(2028, 2, 29, last_moment)) == CountingWindow{at(2028, 2, 1), at(2028, 3, 1)});
    CHECK(window_at(monthly, at(2100, 2, 28)) == CountingWindow{at(2100, 2, 1), at(2100, 3, 1)});
    // The day on which clocks in Europe go forward has 24 hours here.
    CHECK(window_at(daily, at(2026, 3, 29, hours(2))) == CountingWindow{at(2026, 3, 29), at(2026, 3, 30)});
}

TEST_CASE("aligned windows are whole multiples of their length since 1970", "[limits]") {
    LimitPeriod const minute{.kind = Kind::aligned, .length = seconds(60)};
    LimitPeriod const seven{.kind = Kind::aligned, .length = seconds(7)};
    auto const now = at(2026, 11, 25, hours(13) + seconds(59) + milliseconds(999));
    CHECK(window_at(minute, now) ==
          CountingWindow{at(2026, 11, 25, hours(13)), at(2026, 11, 25, hours(13) + minutes(1))});
    CHECK(window_at(seven, WallTime(seconds(20))) == CountingWindow{WallTime(seconds(14)), WallTime(seconds(21))});
    CHECK(window_at(seven, WallTime(seconds(21))).begin == WallTime(seconds(21)));
    CHECK(window_at(seven, WallTime(milliseconds(-1))).begin == WallTime(seconds(-7)));
}

TEST_CASE("total has one window that never ends, rolling looks back", "[limits]") {
    auto const now = at(2026, 11, 25);
    CHECK(window_at({.kind = Kind::total}, now) == CountingWindow{});
    CHECK(window_at({.kind = Kind::rolling, .length = hours(5)}, now) == CountingWindow{now - hours(5), {}});
}

TEST_CASE("every moment of sixty years lies in its window, and windows join without a gap", "[limits][property]") {
    auto const kind = GENERATE(Kind::day, Kind::week, Kind::month, Kind::aligned);
    LimitPeriod const period{.kind = kind, .length = hours(37)};
    auto window = window_at(period, at(2000, 1, 1));
    for (auto now = at(2000, 1, 1); now < at(2060, 1, 1); now += hours(7) + minutes(13)) {
        auto const next = window_at(period, now);
        bool const inside = next.begin <= now && now < *next.end;
        bool const joins = next == window || next.begin == *window.end;
        bool const by_hand = (kind != Kind::month || next.begin == month_began(now)) &&
                             (kind != Kind::week || next.begin == week_began(now));
        if (!inside || !joins || !by_hand) FAIL(now.time_since_epoch().count());
        window = next;
    }
    SUCCEED();
}

TEST_CASE("a rolling slot is forgotten never early, and at most a 60th of the period late", "[limits][property]") {
    auto const length = GENERATE(seconds(1), seconds(7), seconds(60), seconds(3'600), seconds(86'400 * 30));
    LimitPeriod const period{.kind = Kind::rolling, .length = length};
    for (std::int64_t i = 0; i < 5'000; ++i) {
        WallTime const used(milliseconds(1'764'000'000'000 + i * 104'729));
        auto const forgotten = rolling_slot_ends(period, rolling_slot(period, used));
        auto const late = forgotten - used - length;
        if (late <= milliseconds(0) || late > milliseconds(length) / 60 + milliseconds(1))
            FAIL(used.time_since_epoch().count());
    }
    SUCCEED();
}

#include "providers/openai/durations.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sluice::openai {
namespace {

using namespace std::chrono;
using std::string_view;

constexpr auto longest = hours(24 * 31);
/// Far behind any real wait, and before the end of a clock that counts nanoseconds (2262).
constexpr int last_year = 2200;
constexpr double last_year_milliseconds = 7.2e12;

Wait from_milliseconds(double count) {
    if (!(count >= 0)) return std::nullopt;
    auto const most = static_cast<double>(milliseconds(longest).count());
    return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(count, most))));
}

/// Takes a decimal number off the front of `text`.
std::optional<double> take_number(string_view& text) {
    if (text.empty() || (text.front() != '.' && (text.front() < '0' || text.front() > '9'))) return std::nullopt;
    double value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

/// Takes a unit off the front of `text`: how many milliseconds it has.
std::optional<double> take_unit(string_view& text) {
    struct Unit {
        string_view name;
        double milliseconds;
    };
    // Longer names before their beginnings.
    constexpr std::array<Unit, 16> units{{{"milliseconds", 1},
                                          {"millisecond", 1},
                                          {"microseconds", 1e-3},
                                          {"minutes", 60'000},
                                          {"minute", 60'000},
                                          {"seconds", 1'000},
                                          {"second", 1'000},
                                          {"hours", 3.6e6},
                                          {"hour", 3.6e6},
                                          {"ms", 1},
                                          {"us", 1e-3},
                                          {"\xC2\xB5s", 1e-3},
                                          {"ns", 1e-6},
                                          {"h", 3.6e6},
                                          {"m", 60'000},
                                          {"s", 1'000}}};
    for (auto const& unit : units) {
        if (!text.starts_with(unit.name)) continue;
        text.remove_prefix(unit.name.size());
        return unit.milliseconds;
    }
    return std::nullopt;
}

string_view trimmed(string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

std::optional<int> digits(string_view text) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.front() == '-' || error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

std::optional<WallTime> time_of(std::optional<int> y, int m, std::optional<int> d, string_view clock) {
    if (clock.size() < 8 || clock[2] != ':' || clock[5] != ':') return std::nullopt;
    auto const hour = digits(clock.substr(0, 2));
    auto const minute = digits(clock.substr(3, 2));
    auto const second = digits(clock.substr(6, 2));
    if (!y || !d || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60 || *y < 1970 ||
        *y > last_year)
        return std::nullopt;
    auto const date = year(*y) / m / *d;
    if (!date.ok()) return std::nullopt;
    return sys_days(date) + hours(*hour) + minutes(*minute) + seconds(*second);
}

/// "Sun, 06 Nov 1994 08:49:37 GMT", the only form that a sender may still use (RFC 9110, 5.6.7).
std::optional<WallTime> http_date(string_view text) {
    constexpr string_view months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) return std::nullopt;
    auto const month = months.find(text.substr(8, 3));
    if (month == string_view::npos || month % 3 != 0) return std::nullopt;
    return time_of(digits(text.substr(12, 4)), static_cast<int>(month / 3) + 1, digits(text.substr(5, 2)),
                   text.substr(17, 8));
}

/// "2026-11-06T08:49:37.5Z", also with an offset (RFC 3339).
std::optional<WallTime> internet_date(string_view text) {
    if (text.size() < 20 || text[4] != '-' || text[7] != '-') return std::nullopt;
    auto const month = digits(text.substr(5, 2));
    if (!month) return std::nullopt;
    auto const time = time_of(digits(text.substr(0, 4)), *month, digits(text.substr(8, 2)), text.substr(11));
    auto const zone =
        text.substr(text.find_first_of("Zz+-", 19) == string_view::npos ? text.size() : text.find_first_of("Zz+-", 19));
    if (!time || zone.empty()) return std::nullopt;
    if (zone == "Z" || zone == "z") return time;
    auto const hour = zone.size() == 6 ? digits(zone.substr(1, 2)) : std::nullopt;
    auto const minute = zone.size() == 6 ? digits(zone.substr(4, 2)) : std::nullopt;
    if (!hour || !minute) return std::nullopt;
    auto const offset = hours(*hour) + minutes(*minute);
    return zone.front() == '+' ? *time - offset : *time + offset;
}

Wait until(WallTime then, WallTime now) {
    return std::clamp(ceil<milliseconds>(then - now), milliseconds(0), milliseconds(longest));
}

}  // namespace

Wait read_duration(string_view text, milliseconds bare) {
    text = trimmed(text);
    double total = 0;
    bool any = false;
    while (!text.empty() && text.front() != '-') {
        auto const number = take_number(text);
        if (!number) break;
        auto const after_number = text;
        while (text.starts_with(' ')) text.remove_prefix(1);
        auto const unit = take_unit(text);
        if (!unit && any) break;
        any = true;
        total += *number * unit.value_or(static_cast<double>(bare.count()));
        if (!unit || after_number.starts_with(' ')) break;
    }
    return any ? from_milliseconds(total) : std::nullopt;
}

Wait read_wait(string_view text, WallTime now) {
    text = trimmed(text);
    if (auto const then = http_date(text)) return until(*then, now);
    if (auto const then = internet_date(text)) return until(*then, now);
    auto rest = text;
    if (auto const number = take_number(rest); number && rest.empty() && *number > 1e9) {
        auto const since_epoch = *number > 1e12 ? *number : *number * 1'000;
        if (since_epoch > last_year_milliseconds) return std::nullopt;
        return until(WallTime(milliseconds(static_cast<std::int64_t>(since_epoch))), now);
    }
    // What looks like a date and is none must not be taken for its year.
    return text.find_first_of("-:") == string_view::npos ? read_duration(text) : std::nullopt;
}

}  // namespace sluice::openai

#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "config/addresses.hpp"
#include "config/catalogue.hpp"
#include "config/text.hpp"
#include "config/units.hpp"
#include "core/types/nano_usd.hpp"
#include "core/types/network.hpp"

namespace sluice::config {
namespace {

using Wrong = std::unexpected<std::string>;
using Parsed = std::expected<Value, std::string>;

/// A decimal number, at most nine digits behind the point, times `scale`, if that is a whole number that fits.
std::optional<std::int64_t> scaled(std::string_view text, std::int64_t scale) {
    auto const point = text.find('.');
    std::string_view const whole = text.substr(0, point);
    std::string_view fraction = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
    auto const is_digits = [](std::string_view digits) {
        return !digits.empty() && std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    };
    if (!is_digits(whole) || whole.size() > 15) return std::nullopt;
    if (point != std::string_view::npos && (!is_digits(fraction) || fraction.size() > 9)) return std::nullopt;
    __int128 value = 0;
    for (char c : whole) value = value * 10 + (c - '0');
    value *= scale;
    __int128 numerator = 0;
    std::int64_t denominator = 1;
    for (char c : fraction) {
        numerator = numerator * 10 + (c - '0');
        denominator *= 10;
    }
    if (numerator * scale % denominator != 0) return std::nullopt;
    value += numerator * scale / denominator;
    if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

template <std::size_t n>
std::optional<std::int64_t> with_unit(std::string_view text, std::array<Unit, n> const& units) {
    auto const split = std::min(text.find_first_not_of("0123456789."), text.size());
    std::string_view unit = text.substr(split);
    if (unit.starts_with(' ')) unit.remove_prefix(1);
    if (unit.empty() && text == "0") return 0;
    for (Unit const& known : units) {
        if (known.name == unit) return scaled(text.substr(0, split), known.factor);
    }
    return std::nullopt;
}

Parsed in_range(Field const& field, std::optional<std::int64_t> number, std::string_view what) {
    if (!number) return Wrong("is not " + std::string(what));
    if (*number < field.least || *number > field.most) return Wrong("is out of range; allowed: " + range_of(field));
    return Value(*number);
}

Parsed parse_duration(Field const& field, std::string_view text) {
    if (may_be_none(field) && text == "none") return Value();
    return in_range(field, with_unit(text, duration_units),
                    may_be_none(field) ? "a duration: write a number and a unit, like 30s or 10m, or none"
                                       : "a duration: write a number and a unit, like 250ms, 30s or 10m");
}

Parsed parse_wait(Field const& field, std::string_view text) {
    if (may_be_none(field) && text == "none") return Value();
    for (unsigned const percentile : percentiles)
        if (text == "p" + std::to_string(percentile)) return Value(Wait{.percentile = percentile});
    auto const fixed = in_range(field, with_unit(text, duration_units),
                                "a time to wait: write p50, p75, p90, p95 or p99, a duration like 800ms, or none");
    if (!fixed) return fixed;
    return Value(Wait{.fixed = milliseconds(std::get<std::int64_t>(*fixed))});
}

/// "22:00-06:00". 24:00 is 00:00.
Parsed parse_hours(std::string_view text) {
    constexpr std::string_view what = "is no range of hours: write two times, like 22:00-06:00";
    auto const minutes_at = [text](std::size_t at) -> std::optional<std::int64_t> {
        auto const digit = [text, at](std::size_t i) { return text[at + i] >= '0' && text[at + i] <= '9'; };
        if (!digit(0) || !digit(1) || text[at + 2] != ':' || !digit(3) || !digit(4)) return std::nullopt;
        int const hour = (text[at] - '0') * 10 + text[at + 1] - '0';
        int const minute = (text[at + 3] - '0') * 10 + text[at + 4] - '0';
        if (minute > 59 || hour * 60 + minute > 1440) return std::nullopt;
        return (hour * 60 + minute) % 1440;
    };
    if (text.size() != 11 || text[5] != '-') return Wrong(std::string(what));
    auto const from = minutes_at(0);
    auto const to = minutes_at(6);
    if (!from || !to) return Wrong(std::string(what));
    if (*from == *to) return Wrong("ends where it begins");
    return Value(*from * 1440 + *to);
}

Parsed parse_durations(Field const& field, std::string_view text) {
    constexpr std::string_view what = "is not a range of durations: write two with two dots between, like 250ms..4s";
    auto const dots = text.find("..");
    if (dots == std::string_view::npos) return Wrong(std::string(what));
    auto const first = with_unit(text.substr(0, dots), duration_units);
    auto const last = with_unit(text.substr(dots + 2), duration_units);
    if (!first || !last) return Wrong(std::string(what));
    if (*first > *last) return Wrong("starts above its end");
    if (*first < field.least || *last > field.most) return Wrong("is out of range; allowed: " + range_of(field));
    return Value(DurationRange{milliseconds(*first), milliseconds(*last)});
}

Parsed parse_choice(Field const& field, std::string_view text) {
    auto const found = std::ranges::find(field.choices, text);
    if (found != field.choices.end()) {
        if (field.kind == Kind::choices) return Value(std::string(text));
        return Value(static_cast<std::int64_t>(found - field.choices.begin()));
    }
    if (std::ranges::find(field.planned_choices, text) != field.planned_choices.end()) {
        return Wrong("is not supported by this version; allowed: " + joined(field.choices));
    }
    auto const other = std::ranges::find(field.other_words, text, [](auto const& words) { return words.first; });
    auto const near = other == field.other_words.end() ? nearest(text, field.choices) : std::string(other->second);
    return Wrong("is not allowed; allowed: " + joined(field.choices) +
                 (near.empty() ? "" : "; did you mean `" + near + "`?"));
}

Parsed parse_date(std::string_view text) {
    constexpr std::string_view what = "is not a date: write 2027-01-31 or 2027-01-31T12:00:00Z";
    auto const number = [text](std::size_t at, std::size_t size) {
        int value = -1;
        if (at + size > text.size()) return -1;
        auto const [end, error] = std::from_chars(text.data() + at, text.data() + at + size, value);
        return error == std::errc() && end == text.data() + at + size ? value : -1;
    };
    bool const has_time = text.size() == 20 && text[10] == 'T' && text[13] == ':' && text[16] == ':' && text[19] == 'Z';
    if ((text.size() != 10 && !has_time) || text[4] != '-' || text[7] != '-') return Wrong(std::string(what));
    std::chrono::year_month_day const date{std::chrono::year(number(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                           std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    if (number(0, 4) < 1970 || !date.ok()) return Wrong(std::string(what));
    std::chrono::sys_seconds moment = std::chrono::sys_days(date);
    if (has_time) {
        int const hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
            return Wrong(std::string(what));
        moment += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
    }
    return Value(static_cast<std::int64_t>(moment.time_since_epoch().count()));
}

/// A duration is rolling here; who means another kind changes it.
Parsed parse_period(std::string_view text) {
    using enum LimitPeriod::Kind;
    constexpr std::array words{std::pair{"day", day}, std::pair{"week", week}, std::pair{"month", month},
                               std::pair{"total", total}};
    for (auto const& [word, kind] : words)
        if (text == word) return Value(LimitPeriod{.kind = kind});
    constexpr std::int64_t longest = 366LL * 86'400'000;
    auto const length = with_unit(text, duration_units);
    if (!length) return Wrong("is no period: write day, week, month, total, or a duration like 1h");
    if (*length < 1000 || *length > longest || *length % 1000 != 0)
        return Wrong("is no period: a duration must be whole seconds, from 1s to 366d");
    return Value(LimitPeriod{.kind = rolling, .length = std::chrono::seconds(*length / 1000)});
}

/// "sqlite:///PATH", or another scheme with something behind it. Empty is a value, too.
Parsed parse_store_url(Field const& field, std::string_view text) {
    if (text.empty()) return Value(SecretText());
    auto const scheme = text.substr(0, text.find("://"));
    bool const visible = std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
    bool const known = std::ranges::find(field.choices, scheme) != field.choices.end();
    std::string_view const rest = text.substr(std::min(text.size(), scheme.size() + 3));
    std::string wanted;
    for (auto const each : field.choices) {
        if (each != "postgres") wanted += (wanted.empty() ? "" : " or ") + std::string(each) + "://...";
    }
    if (!known || rest.empty() || !visible) return Wrong("is no address of a store: write " + wanted);
    if (scheme == "sqlite" && (rest.size() < 2 || !rest.starts_with('/')))
        return Wrong("needs an absolute path: sqlite:///var/lib/sluice/sluice.db");
    return Value(SecretText{.value = Secret(std::string(text))});
}

Parsed parse_network(std::string_view text) {
    if (read_network(text)) return Value(std::string(text));
    return Wrong("is no network: write one like 10.0.0.0/8 or 2001:db8::/32, without bits behind its prefix");
}

/// JSON has exponents, and people write none: 1e-09 is what a program makes of a billionth.
std::optional<std::int64_t> dollars(std::string_view text) {
    if (!text.contains('e')) return scaled(text, 1'000'000'000);
    auto const amount = read_usd(text);
    return amount ? std::optional(amount->count) : std::nullopt;
}

Parsed parse_percent(Field const& field, std::string_view text) {
    auto const number = text.ends_with('%') ? scaled(text.substr(0, text.size() - 1), 1) : std::nullopt;
    return in_range(field, number, "a share: write whole percent, like 10%");
}

Parsed parse_boolean(std::string_view text) {
    if (text == "true") return Value(true);
    if (text == "false") return Value(false);
    return Wrong("is not true or false");
}

Parsed parse_hash(std::string_view text) {
    constexpr std::string_view prefix = "sha256:";
    auto const is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    bool const fits = text.starts_with(prefix) && text.size() == prefix.size() + 64 &&
                      std::ranges::all_of(text.substr(prefix.size()), is_hex);
    if (!fits) return Wrong("is not a hash: write sha256: and 64 hexadecimal digits in lower case");
    return Value(std::string(text.substr(prefix.size())));
}

Parsed parse_type(std::string_view text) {
    if (find_profile(text) != nullptr) return Value(std::string(text));
    if (std::ranges::find(planned_provider_types(), text) != planned_provider_types().end()) {
        return Wrong("is a provider type that this version does not support");
    }
    std::vector<std::string> names;
    for (Profile const& profile : profiles()) names.push_back(profile.name);
    return Wrong("is no provider type" + suggestion(text, names));
}

}  // namespace

std::expected<Value, std::string> parse_value(Field const& field, std::string_view text) {
    switch (field.kind) {
        case Kind::boolean:
            return parse_boolean(text);
        case Kind::integer:
            return in_range(field, scaled(text, 1), "a whole number");
        case Kind::count:
            return in_range(field, with_unit(text, count_units), "a count: write a number, like 500, 20k or 1M");
        case Kind::size:
            return in_range(field, with_unit(text, size_units),
                            "a size: write a number and a unit, like 64KiB or 32MiB");
        case Kind::duration:
            return parse_duration(field, text);
        case Kind::wait:
            return parse_wait(field, text);
        case Kind::hours:
            return parse_hours(text);
        case Kind::number:
            return in_range(field, scaled(text, 1'000'000'000), "a number, like 0.5");
        case Kind::integers:
            return in_range(field, scaled(text, 1), "a whole number");
        case Kind::target:
            return Value(std::string(text));  // where it goes is looked at later
        case Kind::durations:
            return parse_durations(field, text);
        case Kind::percent:
        case Kind::percents:
            return parse_percent(field, text);
        case Kind::period:
            return parse_period(text);
        case Kind::usd:
            return in_range(field, dollars(text), "an amount: write US dollars, like 5 or 0.25");
        case Kind::store_url:
            return parse_store_url(field, text);
        case Kind::networks:
            return parse_network(text);
        case Kind::choice:
        case Kind::choices:
            return parse_choice(field, text);
        case Kind::date:
            return parse_date(text);
        case Kind::price:
            return in_range(field, dollars(text), "a price: write US dollars per million tokens, like 0.15");
        case Kind::hash:
            return parse_hash(text);
        case Kind::provider_type:
            return parse_type(text);
        case Kind::address:
            return check_address(text);
        case Kind::url:
            return check_base_url(text);
        case Kind::proxy_url:
            return check_proxy_url(text);
        default:
            break;
    }
    if (text.empty()) return Wrong("is empty");
    return Value(std::string(text));
}

}  // namespace sluice::config

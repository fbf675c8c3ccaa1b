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
#include "config/yaml_text.hpp"

namespace sluice::config {
namespace {

using Wrong = std::unexpected<std::string>;
using Parsed = std::expected<Value, std::string>;

struct Unit {
    std::string_view name;
    std::int64_t factor;
};
constexpr std::array duration_units{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                                    Unit{"d", 86'400'000}};
constexpr std::array size_units{
    Unit{"B", 1},     Unit{"KiB", 1LL << 10}, Unit{"MiB", 1LL << 20},   Unit{"GiB", 1LL << 30},
    Unit{"kB", 1000}, Unit{"MB", 1'000'000},  Unit{"GB", 1'000'000'000}};
constexpr std::array count_units{Unit{"", 1}, Unit{"k", 1000}, Unit{"M", 1'000'000}, Unit{"G", 1'000'000'000}};

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

std::string format_number(Field const& field, std::int64_t value) {
    bool const is_time = field.kind == Kind::duration || field.kind == Kind::durations || field.kind == Kind::wait;
    if (is_time) return format_duration(value);
    if (field.kind == Kind::number) return std::to_string(value / 1'000'000'000);
    if (field.kind == Kind::size) return format_size(value);
    if (field.kind == Kind::percent) return std::to_string(value) + "%";
    if (field.kind == Kind::count && value != 0 && value % 1'000'000 == 0)
        return std::to_string(value / 1'000'000) + "M";
    if (field.kind == Kind::count && value != 0 && value % 1000 == 0) return std::to_string(value / 1000) + "k";
    return std::to_string(value);
}

std::string range_of(Field const& field) {
    bool const has_end = field.most != std::numeric_limits<std::int64_t>::max();
    if (has_end && field.least == field.most) return format_number(field, field.least);
    if (!has_end) return field.least == 0 ? "" : format_number(field, field.least) + " or more";
    return format_number(field, field.least) + " to " + format_number(field, field.most);
}

Parsed in_range(Field const& field, std::optional<std::int64_t> number, std::string_view what) {
    if (!number) return Wrong("is not " + std::string(what));
    if (*number < field.least || *number > field.most) return Wrong("is out of range; allowed: " + range_of(field));
    return Value(*number);
}

bool may_be_none(Field const& field) {
    return (field.kind == Kind::duration || field.kind == Kind::wait) &&
           std::ranges::find(field.choices, "none") != field.choices.end();
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

std::string format_date(std::int64_t moment) {
    std::chrono::sys_seconds const time{seconds(moment)};
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const date{day};
    auto const pad = [](auto value, std::size_t width) {
        std::string digits = std::to_string(value);
        return std::string(width - std::min(width, digits.size()), '0') + digits;
    };
    std::string out = pad(static_cast<int>(date.year()), 4) + "-" + pad(static_cast<unsigned>(date.month()), 2) + "-" +
                      pad(static_cast<unsigned>(date.day()), 2);
    std::chrono::hh_mm_ss const clock{time - day};
    if (time == day) return out;
    return out + "T" + pad(clock.hours().count(), 2) + ":" + pad(clock.minutes().count(), 2) + ":" +
           pad(clock.seconds().count(), 2) + "Z";
}

std::string format_price(std::int64_t nano) {
    std::string fraction = std::to_string(nano % 1'000'000'000);
    fraction.insert(0, 9 - fraction.size(), '0');
    while (fraction.size() > 1 && fraction.ends_with('0')) fraction.pop_back();
    return std::to_string(nano / 1'000'000'000) + "." + fraction;
}

std::string format_decimal(std::int64_t billionths) {
    auto text = format_price(billionths);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
}

std::string format_hours(std::int64_t both) {
    auto const time = [](std::int64_t minutes) {
        std::string text{static_cast<char>('0' + minutes / 600), static_cast<char>('0' + minutes / 60 % 10), ':'};
        text += static_cast<char>('0' + minutes % 60 / 10);
        text += static_cast<char>('0' + minutes % 10);
        return text;
    };
    return yaml_scalar(time(both / 1440) + "-" + time(both % 1440));
}

std::string format_numbers(Numbers const& numbers) {
    std::string out;
    for (auto const number : numbers) out += (out.empty() ? "" : ", ") + std::to_string(number);
    return out.empty() ? "" : "[" + out + "]";
}

std::string format_list(Texts const& words) {
    std::string out;
    for (std::string const& word : words) out += (out.empty() ? "" : ", ") + yaml_scalar(word);
    return "[" + out + "]";
}

template <std::size_t n>
std::string in_largest_unit(std::int64_t value, std::array<Unit, n> const& units, std::size_t considered) {
    if (value == 0) return "0";
    Unit best = units[0];
    for (std::size_t i = 0; i < considered; ++i) {
        if (value % units[i].factor == 0) best = units[i];
    }
    return std::to_string(value / best.factor) + std::string(best.name);
}

}  // namespace

std::string format_duration(std::int64_t value) { return in_largest_unit(value, duration_units, 4); }
std::string format_size(std::int64_t bytes) { return in_largest_unit(bytes, size_units, 4); }

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
        case Kind::percent: {
            bool const has_sign = text.ends_with('%');
            auto const number = has_sign ? scaled(text.substr(0, text.size() - 1), 1) : std::nullopt;
            return in_range(field, number, "a share: write whole percent, like 10%");
        }
        case Kind::choice:
        case Kind::choices:
            return parse_choice(field, text);
        case Kind::date:
            return parse_date(text);
        case Kind::price:
            return in_range(field, scaled(text, 1'000'000'000),
                            "a price: write US dollars per million tokens, like 0.15");
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

std::string format_value(Field const& field, Value const& value) {
    if (std::holds_alternative<std::monostate>(value)) return may_be_none(field) ? "none" : "";
    if (auto const* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
        if (field.kind == Kind::choice) return std::string(field.choices.at(static_cast<std::size_t>(*number)));
        if (field.kind == Kind::date) return format_date(*number);
        if (field.kind == Kind::price) return format_price(*number);
        if (field.kind == Kind::number) return format_decimal(*number);
        if (field.kind == Kind::hours) return format_hours(*number);
        return format_number(field, *number);
    }
    if (auto const* text = std::get_if<std::string>(&value)) {
        if (field.kind == Kind::hash) return text->empty() ? "" : "\"***\"";
        return text->empty() ? "" : yaml_scalar(*text);
    }
    if (auto const* words = std::get_if<Texts>(&value))
        return words->empty() && field.standard.empty() ? "" : format_list(*words);
    if (auto const* range = std::get_if<DurationRange>(&value)) {
        return format_duration(range->first.count()) + ".." + format_duration(range->last.count());
    }
    if (auto const* numbers = std::get_if<Numbers>(&value)) return format_numbers(*numbers);
    if (auto const* wait = std::get_if<Wait>(&value)) {
        return wait->percentile != 0 ? "p" + std::to_string(wait->percentile) : format_duration(wait->fixed.count());
    }
    if (auto const* secret = std::get_if<SecretText>(&value)) return secret->none ? "none" : "\"***\"";
    if (auto const* list = std::get_if<RuleList>(&value)) return list->text;
    std::string out;
    for (auto const& [name, text] : std::get<TextMap>(value)) {
        auto const shown = field.kind == Kind::headers ? "\"***\"" : yaml_scalar(text);
        out += (out.empty() ? "" : ", ") + yaml_scalar(name) + ": " + shown;
    }
    return out.empty() ? "" : "{ " + out + " }";
}

std::string allowed(Field const& field) {
    std::string const range = range_of(field);
    auto const with_range = [&range](std::string_view what) {
        return std::string(what) + (range.empty() ? "" : ", " + range);
    };
    switch (field.kind) {
        case Kind::boolean:
            return "true or false";
        case Kind::integer:
            return with_range("whole number");
        case Kind::count:
            return with_range("count");
        case Kind::size:
            return with_range("size");
        case Kind::duration:
            return with_range("duration") + (may_be_none(field) ? ", or none" : "");
        case Kind::wait:
            return "p50, p75, p90, p95, p99, a duration, or none";
        case Kind::hours:
            return "HH:MM-HH:MM";
        case Kind::number:
            return "number, 0 or more";
        case Kind::integers:
            return "list of whole numbers, " + range;
        case Kind::target:
            return "target";
        case Kind::durations:
            return with_range("two durations");
        case Kind::percent:
            return with_range("percent");
        case Kind::choice:
            return joined(field.choices);
        case Kind::choices:
            return "list of " + joined(field.choices);
        case Kind::texts:
            return "list of words";
        case Kind::headers:
        case Kind::text_map:
            return "name: value";
        case Kind::rules:
            return "list of rules";
        case Kind::address:
            return "host:port";
        case Kind::url:
            return "http:// or https:// URL";
        case Kind::proxy_url:
            return "http://host:port";
        case Kind::path:
            return "path, relative to the file";
        case Kind::date:
            return "date or time";
        case Kind::price:
            return "US dollars per million tokens";
        case Kind::secret:
            return "secret";
        case Kind::hash:
            return "sha256:HEX";
        case Kind::provider_type:
            return "name in the catalogue";
        case Kind::targets:
            return "target, or a list of them";
        case Kind::object:
            return "map";
        case Kind::object_map:
            return "map by name";
        case Kind::object_list:
            return "list of maps";
        case Kind::text:
            break;
    }
    return "text";
}

}  // namespace sluice::config

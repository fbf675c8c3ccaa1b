#include <algorithm>
#include <chrono>
#include <limits>

#include "config/text.hpp"
#include "config/units.hpp"
#include "config/values.hpp"
#include "config/yaml_text.hpp"

/// Values as people write and read them.
namespace sluice::config {
namespace {

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

std::string format_numbers(Numbers const& numbers, std::string_view unit) {
    std::string out;
    for (auto const number : numbers) out.append(out.empty() ? "" : ", ").append(std::to_string(number)).append(unit);
    return out.empty() ? "" : "[" + out + "]";
}

std::string format_period(LimitPeriod const& period) {
    using enum LimitPeriod::Kind;
    if (period.kind == day) return "day";
    if (period.kind == week) return "week";
    if (period.kind == month) return "month";
    if (period.kind == total) return "total";
    return format_duration(period.length.count() * 1000);
}

/// Of a database the kind and, where it can hold no password, the place.
std::string format_secret(Field const& field, SecretText const& secret) {
    if (field.kind == Kind::store_url) {
        auto const url = secret.value.expose();
        if (url.empty() || url.starts_with("sqlite:")) return url.empty() ? "" : yaml_scalar(url);
        return yaml_scalar(std::string(url.substr(0, url.find(':'))) + "://***");
    }
    return secret.none ? "none" : "\"***\"";
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

std::string format_number(Field const& field, std::int64_t value) {
    bool const is_time = field.kind == Kind::duration || field.kind == Kind::durations || field.kind == Kind::wait;
    if (is_time) return format_duration(value);
    if (field.kind == Kind::number || field.kind == Kind::usd) return std::to_string(value / 1'000'000'000);
    if (field.kind == Kind::size) return format_size(value);
    if (field.kind == Kind::percent || field.kind == Kind::percents) return std::to_string(value) + "%";
    if (field.kind == Kind::count && value != 0 && value % 1'000'000 == 0)
        return std::to_string(value / 1'000'000) + "M";
    if (field.kind == Kind::count && value != 0 && value % 1000 == 0) return std::to_string(value / 1000) + "k";
    return std::to_string(value);
}

}  // namespace

bool may_be_none(Field const& field) {
    return (field.kind == Kind::duration || field.kind == Kind::wait) &&
           std::ranges::find(field.choices, "none") != field.choices.end();
}

std::string range_of(Field const& field) {
    bool const has_end = field.most != std::numeric_limits<std::int64_t>::max();
    if (has_end && field.least == field.most) return format_number(field, field.least);
    if (!has_end) return field.least == 0 ? "" : format_number(field, field.least) + " or more";
    return format_number(field, field.least) + " to " + format_number(field, field.most);
}

std::string format_duration(std::int64_t value) {
    constexpr std::int64_t day = 86'400'000;
    bool const is_days = value >= 3 * day && value % day == 0;  // 24h and 48h are how people say it
    return in_largest_unit(value, duration_units, is_days ? 5 : 4);
}
std::string format_size(std::int64_t bytes) { return in_largest_unit(bytes, size_units, 4); }

std::string format_value(Field const& field, Value const& value) {
    if (std::holds_alternative<std::monostate>(value)) return may_be_none(field) ? "none" : "";
    if (auto const* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    if (auto const* number = std::get_if<std::int64_t>(&value)) {
        if (field.kind == Kind::choice) return std::string(field.choices.at(static_cast<std::size_t>(*number)));
        if (field.kind == Kind::date) return format_date(*number);
        if (field.kind == Kind::price) return format_price(*number);
        if (field.kind == Kind::number || field.kind == Kind::usd) return format_decimal(*number);
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
    if (auto const* numbers = std::get_if<Numbers>(&value))
        return format_numbers(*numbers, field.kind == Kind::percents ? "%" : "");
    if (auto const* wait = std::get_if<Wait>(&value)) {
        return wait->percentile != 0 ? "p" + std::to_string(wait->percentile) : format_duration(wait->fixed.count());
    }
    if (auto const* period = std::get_if<LimitPeriod>(&value)) return format_period(*period);
    if (auto const* secret = std::get_if<SecretText>(&value)) return format_secret(field, *secret);
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
        case Kind::percents:
            return "list of shares, " + range;
        case Kind::usd:
            return "US dollars";
        case Kind::period:
            return "day, week, month, total, or a duration";
        case Kind::store_url:
            return "URL";
        case Kind::networks:
            return "list of networks";
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
        case Kind::objects:
            return "map, or a list of them";
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

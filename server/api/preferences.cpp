#include "server/api/preferences.hpp"

#include <cmath>
#include <limits>

namespace sluice::api {
namespace {

using std::string_view;

std::string path(string_view place, string_view name) { return std::string(place) + "." + std::string(name); }

/// `scale` units are one of the client's. Rounded up: a bound of a fraction is not none.
Result<std::uint32_t> bound(JsonValue value, double scale, string_view place) {
    auto const number = value.number();
    if (!number || !(*number > 0)) return wrong_value(place, "must be a number above 0");
    auto const scaled = std::ceil(*number * scale);
    constexpr auto most = std::numeric_limits<std::uint32_t>::max();
    return scaled >= static_cast<double>(most) ? most : static_cast<std::uint32_t>(scaled);
}

/// A number is the median.
Result<> read_bounds(JsonValue value, double scale, string_view place, ByPercentile& bounds) {
    bounds = {};
    if (value.is(JsonType::number)) {
        SLUICE_TRY(bounds[0], bound(value, scale, place));
        return {};
    }
    if (!value.is(JsonType::object))
        return wrong_value(place, "must be a number, or an object with p50, p75, p90, p99");
    for (auto const& member : value.members()) {
        std::size_t at = 0;
        while (at < percentiles.size() && !member.named("p" + std::to_string(percentiles[at]))) ++at;
        if (at == percentiles.size()) return wrong_value(place, "knows p50, p75, p90, p95 and p99 only");
        if (!member.value.has_value()) continue;
        SLUICE_TRY(bounds[at], bound(member.value, scale, path(place, member.name)));
    }
    return {};
}

Result<> read_flag(JsonValue value, string_view place, bool& flag) {
    if (!value.is(JsonType::boolean)) return wrong_value(place, "must be true or false");
    flag = value.is_true();
    return {};
}

/// Whether the models' targets are one pool. Null, as OpenRouter's SDKs write it, is "none".
Result<> read_partition(JsonValue partition, string_view place, bool& pool) {
    auto const word = partition.string();
    bool const is_none = !partition.has_value() || word == "none";
    if (!is_none && word != "model") return wrong_value(place, "must be \"model\" or \"none\"");
    pool = is_none;
    return {};
}

Result<> read_sort(JsonValue value, string_view place, Steering& steering) {
    bool const is_object = value.is(JsonType::object);
    auto const by = is_object ? value["by"] : value;
    if (is_object && value["partition"]) {
        SLUICE_CHECK(read_partition(value["partition"], path(place, "partition"), steering.pool_models));
    }
    if (is_object && !by.has_value()) return {};
    if (!by.is(JsonType::string)) {
        return wrong_value(place, "must be \"price\", \"throughput\" or \"latency\", or an object with `by`");
    }
    SLUICE_TRY(steering.sort, sort_named(by.string(), place));
    return {};
}

/// `request`, `image` and `audio` are OpenRouter's: no price sheet here has them.
Result<> read_max_price(JsonValue value, string_view place, TargetFilter& filter) {
    if (!value.is(JsonType::object)) return wrong_value(place, "must be an object with `prompt` and `completion`");
    for (string_view const name : {"prompt", "completion"}) {
        auto const price = value[name];
        if (!price.has_value()) continue;
        bool const is_text = price.is(JsonType::string);
        SLUICE_TRY(auto const most, price_written(is_text ? price.string() : price.raw(), path(place, name)));
        (name == "prompt" ? filter.max_input_price : filter.max_output_price) = most;
    }
    return {};
}

Result<> read_data_collection(JsonValue value, string_view place, TargetFilter& filter) {
    auto const word = value.string();
    if (word != "allow" && word != "deny") return wrong_value(place, "must be \"allow\" or \"deny\"");
    filter.no_training = word == "deny";
    return {};
}

constexpr double us_per_second = 1e6;

Result<> read_preference(JsonMember const& member, string_view place, Steering& steering) {
    auto const value = member.value;
    auto const here = path(place, member.name);
    if (member.named("order")) return read_names(value, here, steering.order);
    if (member.named("only")) return read_names(value, here, steering.only);
    if (member.named("ignore")) return read_names(value, here, steering.ignore);
    if (member.named("allow_fallbacks")) return read_flag(value, here, steering.allow_fallbacks);
    if (member.named("require_parameters")) return read_flag(value, here, steering.require_parameters);
    if (member.named("sort")) return read_sort(value, here, steering);
    if (member.named("max_price")) return read_max_price(value, here, steering.filter);
    if (member.named("data_collection")) return read_data_collection(value, here, steering.filter);
    if (member.named("zdr")) return read_flag(value, here, steering.filter.zero_retention);
    if (member.named("quantizations")) return read_names(value, here, steering.filter.quantizations);
    if (member.named("preferred_max_latency")) {
        return read_bounds(value, us_per_second, here, steering.max_first_token_us);
    }
    if (member.named("preferred_min_throughput")) {
        return read_bounds(value, 1, here, steering.min_tokens_per_second);
    }
    return {};
}

}  // namespace

std::unexpected<Error> wrong_value(string_view place, string_view what) {
    auto const named = shown(place);
    return std::unexpected(
        Error{.kind = ErrorKind::invalid_value, .message = "'" + named + "' " + std::string(what), .param = named});
}

Result<> read_names(JsonValue list, string_view place, std::vector<std::string>& names) {
    if (!list.is(JsonType::array)) return wrong_value(place, "must be a list of texts");
    names.clear();
    for (auto const element : list.elements()) {
        auto const size = element.string().size();
        if (size == 0 || size > longest_name) return wrong_value(place, "must hold texts of 1 to 256 bytes only");
        if (names.size() == most_names) return wrong_value(place, "must hold 64 texts at most");
        names.push_back(element.unescaped());
    }
    return {};
}

Result<SortBy> sort_named(string_view word, string_view place) {
    if (word == "price") return SortBy::price;
    if (word == "throughput") return SortBy::throughput;
    if (word == "latency") return SortBy::latency;
    if (word == "exacto") return SortBy::nothing;
    return wrong_value(place, "must be \"price\", \"throughput\" or \"latency\"");
}

Result<PricePerMillion> price_written(string_view decimal, string_view place) {
    auto const price = read_usd(decimal);
    if (!price) return wrong_value(place, "must be US dollars per million tokens, 0 or more");
    return PricePerMillion{*price};
}

Result<> read_preferences(JsonValue preferences, string_view place, Steering& steering) {
    if (!preferences.is(JsonType::object)) return wrong_value(place, "must be an object");
    for (auto const& member : preferences.members()) {
        if (member.value.has_value()) SLUICE_CHECK(read_preference(member, place, steering));
    }
    return {};
}

}  // namespace sluice::api

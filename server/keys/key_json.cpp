#include "server/keys/key_json.hpp"

#include <chrono>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/values.hpp"
#include "config/written_json.hpp"

namespace sluice::keys {
namespace {

std::string padded(std::int64_t value, std::size_t width) {
    auto digits = std::to_string(value);
    return std::string(width - std::min(width, digits.size()), '0') + digits;
}

/// Budgets of up to 15 digits are exact as JSON numbers, and read back as what they were.
double usd(std::int64_t nano) { return static_cast<double>(nano) / 1e9; }

bool is_minute(LimitPeriod const& period) {
    return period.kind == LimitPeriod::Kind::aligned && period.length == std::chrono::seconds(60);
}

Json budget_json(Limit const& limit) {
    Json json{{"usd", usd(limit.most)}, {"per", to_text(limit.per)}};
    if (!limit.warn_at.empty()) {
        json["warn_at"] = Json::array();
        for (auto const percent : limit.warn_at) json["warn_at"].push_back(std::to_string(percent) + "%");
    }
    if (!limit.clamp) json["when_short"] = "reject";
    if (limit.allow_unpriced) json["unpriced"] = "allow";
    return json;
}

/// Adds `rate` and `budget`. The first limit for a minute is written as rpm or tpm.
void add_limits(Json& json, std::vector<Limit> const& limits) {
    Json rate = Json::object();
    Json budgets = Json::array();
    for (auto const& limit : limits) {
        if (limit.of == Resource::money) {
            budgets.push_back(budget_json(limit));
        } else if (limit.of == Resource::concurrent) {
            rate["concurrent"] = limit.most;
        } else if (is_minute(limit.per)) {
            rate[limit.of == Resource::requests ? "rpm" : "tpm"] = limit.most;
        } else {
            rate["windows"].push_back(to_json(limit));
        }
    }
    if (!rate.empty()) json["rate"] = std::move(rate);
    if (!budgets.empty()) json["budget"] = std::move(budgets);
}

Json require_json(TargetFilter const& filter) {
    Json json = Json::object();
    if (!filter.regions.empty()) json["regions"] = filter.regions;
    if (filter.zero_retention) json["zero_retention"] = true;
    if (filter.no_training) json["no_training"] = true;
    if (filter.max_input_price) json["max_input_price"] = usd(filter.max_input_price->value.count);
    if (filter.max_output_price) json["max_output_price"] = usd(filter.max_output_price->value.count);
    if (!filter.quantizations.empty()) json["quantizations"] = filter.quantizations;
    return json;
}

std::unexpected<Error> wrong(config::WrittenFaults const& faults) {
    std::string message;
    for (auto const& fault : faults) message += (message.empty() ? "" : "; ") + fault.message;
    return std::unexpected(
        Error{.kind = ErrorKind::invalid_value, .message = std::move(message), .param = faults.front().path});
}

std::unexpected<Error> no_object() {
    return std::unexpected(Error{.kind = ErrorKind::invalid_json, .message = "the body must be a JSON object"});
}

/// Null members of the outermost object are as good as none. What is no object stays as it is.
std::string without_nulls(std::string_view text) {
    auto json = Json::parse(text, nullptr, false);
    if (!json.is_object()) return std::string(text);
    bool changed = false;
    for (auto member = json.begin(); member != json.end();) {
        bool const is_null = member->is_null();
        changed = changed || is_null;
        member = is_null ? json.erase(member) : std::next(member);
    }
    return changed ? json.dump(-1, ' ', false, Json::error_handler_t::replace) : std::string(text);
}

}  // namespace

std::string iso_time(WallTime time) {
    auto const day = std::chrono::floor<std::chrono::days>(time);
    std::chrono::year_month_day const date{day};
    std::chrono::hh_mm_ss const clock{std::chrono::floor<std::chrono::seconds>(time) - day};
    return padded(static_cast<int>(date.year()), 4) + "-" + padded(static_cast<unsigned>(date.month()), 2) + "-" +
           padded(static_cast<unsigned>(date.day()), 2) + "T" + padded(clock.hours().count(), 2) + ":" +
           padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) + "Z";
}

std::string to_text(LimitPeriod const& period) {
    using enum LimitPeriod::Kind;
    switch (period.kind) {
        case day:
            return "day";
        case week:
            return "week";
        case month:
            return "month";
        case total:
            return "total";
        case aligned:
        case rolling:
            break;
    }
    return config::format_duration(period.length.count() * 1000);
}

Json to_json(Limit const& limit) {
    if (limit.of == Resource::money) return budget_json(limit);
    if (limit.of == Resource::concurrent) return Json{{"concurrent", limit.most}};
    Json json{{limit.of == Resource::requests ? "requests" : "tokens", limit.most}, {"per", to_text(limit.per)}};
    if (limit.per.kind == LimitPeriod::Kind::rolling) json["rolling"] = true;
    return json;
}

Json to_json(KeySettings const& key) {
    auto const& caller = key.caller;
    Json json{{"name", caller.name}};
    if (!caller.team.empty()) json["team"] = caller.team;
    if (!caller.models.empty()) json["models"] = caller.models;
    add_limits(json, key.limits);
    if (key.expires) json["expires"] = iso_time(*key.expires);
    if (key.disabled) json["disabled"] = true;
    if (!caller.tags.empty()) json["tags"] = caller.tags;
    if (!caller.endpoints.empty()) json["endpoints"] = caller.endpoints;
    if (!caller.networks.empty()) json["networks"] = caller.networks;
    if (!caller.may_steer) json["may_steer"] = false;
    if (caller.may_bring_keys) json["may_bring_keys"] = true;
    if (!caller.require.empty()) json["require"] = require_json(caller.require);
    return json;
}

Json to_json(TeamSettings const& team) {
    Json json{{"name", team.name}};
    if (!team.description.empty()) json["description"] = team.description;
    if (!team.models.empty()) json["models"] = team.models;
    add_limits(json, team.limits);
    if (!team.tags.empty()) json["tags"] = team.tags;
    return json;
}

std::string settings_json(KeySettings const& key) {
    auto json = to_json(key);
    for (char const* const member : {"name", "expires", "disabled"}) json.erase(member);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string settings_json(TeamSettings const& team) {
    auto json = to_json(team);
    json.erase("name");
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<KeySettings> read_key(std::string_view json) {
    auto key = config::read_written_key(without_nulls(json));
    if (!key) return wrong(key.error());
    return *std::move(key);
}

Result<TeamSettings> read_team(std::string_view json) {
    auto team = config::read_written_team(without_nulls(json));
    if (!team) return wrong(team.error());
    return *std::move(team);
}

Result<KeySettings> to_settings(store::StoredKey const& stored) {
    auto json = Json::parse(stored.settings_json, nullptr, false);
    if (!json.is_object()) return no_object();
    json["name"] = stored.name;
    SLUICE_TRY(auto key, read_key(json.dump(-1, ' ', false, Json::error_handler_t::replace)));
    key.caller.id = account_of(stored);
    key.sha256_hex = stored.sha256_hex;
    key.disabled = stored.disabled;
    if (stored.expires) key.expires = std::chrono::floor<std::chrono::seconds>(*stored.expires);
    return key;
}

Result<TeamSettings> to_settings(store::StoredTeam const& stored) {
    auto json = Json::parse(stored.settings_json, nullptr, false);
    if (!json.is_object()) return no_object();
    json["name"] = stored.name;
    return read_team(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<std::string> patched(Json json, std::string_view patch) {
    auto const changes = Json::parse(patch, nullptr, false);
    if (!changes.is_object()) return no_object();
    for (auto const& [name, value] : changes.items()) {
        if (value.is_null()) {
            json.erase(name);
        } else {
            json[name] = value;
        }
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string const& account_of(store::StoredKey const& key) { return key.replaces.empty() ? key.id : key.replaces; }

}  // namespace sluice::keys

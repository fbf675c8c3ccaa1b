#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "config/values.hpp"
#include "core/pipeline/health.hpp"
#include "server/admin/handlers.hpp"
#include "server/explain/limit_json.hpp"
#include "server/keys/key_json.hpp"
#include "server/store/usage_by.hpp"

/// Limits, usage, requests under way, and the health of targets.
namespace sluice::admin {
namespace {

using keys::Json;
using By = store::UsageQuery::By;

constexpr std::array<std::string_view, static_cast<std::size_t>(PayerKind::count_)> payer_names{
    "key", "team", "tag", "user", "model", "provider", "target"};
Answer ok(Json const& json) { return {.body = json.dump(-1, ' ', false, Json::error_handler_t::replace)}; }

Answer missing(std::string what) { return error_answer(keys::not_found(std::move(what))); }

std::string word(Call const& call, char const* name) {
    auto const found = call.query.find(name);
    return found == call.query.end() ? std::string() : found->second;
}

/// For people; what is exact stands beside it.
double usd(std::int64_t nano) { return static_cast<double>(nano) / 1e9; }

/// Of a key the name that people gave it.
std::string name_of_key(keys::KeyView const& view, std::string const& id) {
    std::string name;
    for (auto const& key : view.keys)
        if (key.caller.id == id) name = key.caller.name;  // of a row of rotations the last
    return name;
}

bool sees(Call const& call, Payer const& payer) {
    if (call.who.all) return true;
    if (payer.kind == PayerKind::team) return payer.name == call.who.team;
    if (payer.kind != PayerKind::key) return false;
    auto const view = call.parts.directory->view();
    return std::ranges::any_of(view->keys, [&payer, &call](KeySettings const& key) {
        return key.caller.id == payer.name && key.caller.team == call.who.team;
    });
}

/// A date, a time, or a duration before `now`.
Result<WallTime> read_time(std::string const& text, char const* param, WallTime now) {
    constexpr std::int64_t longest = 100LL * 366 * 86'400'000;
    config::Field const duration{.key = param, .kind = config::Kind::duration, .most = longest};
    if (auto const back = config::parse_value(duration, text))
        return now - std::chrono::milliseconds(std::get<std::int64_t>(*back));
    config::Field const date{.key = param, .kind = config::Kind::date};
    if (auto const moment = config::parse_value(date, text))
        return WallTime(std::chrono::seconds(std::get<std::int64_t>(*moment)));
    return std::unexpected(
        Error{.kind = ErrorKind::invalid_value,
              .message = "`" + shown(text) + "` is no time: write 2027-01-31, 2027-01-31T12:00:00Z or 7d",
              .param = param});
}

/// By its name, or by an id of a row of rotations.
std::string account_named(keys::KeyView const& view, std::string const& id_or_name) {
    if (auto const* const stored = view.find_stored(id_or_name)) return keys::account_of(*stored);
    return id_or_name;
}

Result<store::UsageQuery> read_usage_query(Call const& call) {
    store::UsageQuery query{.until = call.now};
    auto const by = word(call, "by");
    auto const read = store::read_usage_word(by);
    if (read) query.by = *read;
    if (!by.empty() && !read) {
        return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                     .message = "`by` must be key, team, model, provider, target, tag, user or day",
                                     .param = "by"});
    }
    auto const since = word(call, "since");
    SLUICE_TRY(query.since, read_time(since.empty() ? "30d" : since, "since", call.now));
    if (auto const until = word(call, "until"); !until.empty()) {
        SLUICE_TRY(query.until, read_time(until, "until", call.now));
    }
    for (auto const& [name, column] : store::usage_words) {
        auto const only = call.query.find(std::string(name));
        if (only == call.query.end()) continue;
        bool const is_key = column == By::key;
        query.only[column] = is_key ? account_named(*call.parts.directory->view(), only->second) : only->second;
    }
    if (!call.who.all) query.only[By::team] = call.who.team;
    return query;
}

Json json_of(store::UsageRow const& row, By by, keys::KeyView const& view) {
    Json json{{"name", row.name}};
    if (auto name = by == By::key ? name_of_key(view, row.name) : std::string(); !name.empty())
        json["key"] = std::move(name);
    json["calls"] = row.calls;
    json["failed"] = row.failed;
    json["usage"] = Json{{"input_tokens", row.usage.input},
                         {"output_tokens", row.usage.output},
                         {"cached_input_tokens", row.usage.cached_input},
                         {"cache_write_tokens", row.usage.cache_write},
                         {"reasoning_tokens", row.usage.reasoning}};
    json["cost_usd"] = usd(row.cost.count);
    json["cost_nano_usd"] = row.cost.count;
    json["sheet_cost_nano_usd"] = row.sheet_cost.count;
    json["estimated"] = row.estimated;
    json["open"] = row.open;
    json["reserved_nano_usd"] = row.reserved.count;
    return json;
}

Json json_of(api::LiveRequest const& request, WallTime now) {
    auto const started = std::chrono::floor<milliseconds>(request.started_at);
    return Json{{"id", request.request_id}, {"key_id", request.key_id},           {"key", request.key},
                {"team", request.team},     {"model", request.requested_model},   {"client", request.client_ip},
                {"stream", request.stream}, {"started", keys::iso_time(started)}, {"age_ms", (now - started).count()}};
}

Json breakers_of(HealthRegistry const& health, Instant now) {
    Json list = Json::array();
    for (auto const& status : health.breakers(now)) {
        Json json{{"provider", status.provider},
                  {"target", status.provider + "/" + status.target_model},
                  {"breaker", to_string(status.state)}};
        if (status.state != BreakerState::closed) json["next_probe_ms"] = status.time_to_probe.count();
        list.push_back(std::move(json));
    }
    return list;
}

Json credentials_of(HealthRegistry const& health, Instant now) {
    Json list = Json::array();
    for (auto const& status : health.credentials(now)) {
        Json json{{"provider", status.provider}, {"credential", status.credential}};
        json["benched"] = status.bench != Bench::none;
        if (status.bench != Bench::none) {
            json["reason"] = to_string(status.bench);
            json["time_left_ms"] = status.time_left.count();
        }
        list.push_back(std::move(json));
    }
    return list;
}

Json providers_of(HealthRegistry const& health) {
    Json list = Json::array();
    for (auto const& status : health.providers()) {
        Json json{{"provider", status.provider}, {"in_flight", status.in_flight}, {"waiting", status.waiting}};
        if (status.healthy) json["healthy"] = *status.healthy;
        list.push_back(std::move(json));
    }
    return list;
}

}  // namespace

Answer list_limits(Call const& call) {
    if (call.parts.limits == nullptr) return missing("limits are counted by a running gateway");
    auto const kind = word(call, "kind");
    if (!kind.empty() && std::ranges::find(payer_names, kind) == payer_names.end()) {
        return error_answer({.kind = ErrorKind::invalid_value,
                             .message = "`kind` must be key, team, tag, user, model, provider or target",
                             .param = "kind"});
    }
    auto const name = word(call, "name");
    auto const view = call.parts.directory->view();
    Json list = Json::array();
    for (auto const& status : call.parts.limits->statuses(call.now)) {
        if (!sees(call, status.payer)) continue;
        auto json = explain::json_of(status, name_of_key(*view, status.payer.name));
        bool const is_kind = kind.empty() || json["kind"] == kind;
        bool const is_name = name.empty() || json["name"] == name || json.value("key", "") == name;
        if (is_kind && is_name) list.push_back(std::move(json));
    }
    return ok(Json{{"limits", std::move(list)}});
}

Answer show_usage(Call const& call) {
    if (call.parts.ledger == nullptr) return missing("no database keeps a ledger: write `storage: {}`");
    auto const query = read_usage_query(call);
    if (!query) return error_answer(query.error());
    auto const rows = call.parts.ledger->usage(*query);
    if (!rows) return error_answer(rows.error());
    auto const view = call.parts.directory->view();
    Json list = Json::array();
    for (auto const& row : *rows) list.push_back(json_of(row, query->by, *view));
    return ok(Json{{"by", store::to_text(query->by)},
                   {"since", keys::iso_time(query->since)},
                   {"until", keys::iso_time(query->until)},
                   {"rows", std::move(list)}});
}

Answer verify_ledger(Call const& call) {
    if (call.parts.ledger == nullptr) return missing("no database keeps a ledger: write `storage: {}`");
    auto const faults = call.parts.ledger->verify();
    if (!faults) return error_answer(faults.error());
    Json list = Json::array();
    for (auto const& fault : *faults) list.push_back(fault.what);
    return ok(Json{{"faults", std::move(list)}});
}

Answer list_requests(Call const& call) {
    if (call.parts.live == nullptr) return missing("requests are under way in a running gateway");
    Json list = Json::array();
    for (auto const& request : call.parts.live->list())
        if (keys::manages(call.who, request.team)) list.push_back(json_of(request, call.now));
    return ok(Json{{"requests", std::move(list)}});
}

Answer cut_request(Call const& call) {
    if (call.parts.live == nullptr) return missing("requests are under way in a running gateway");
    auto const all = call.parts.live->list();
    bool const is_theirs = std::ranges::any_of(all, [&call](api::LiveRequest const& request) {
        return request.request_id == call.id && keys::manages(call.who, request.team);
    });
    auto const cut = is_theirs ? call.parts.live->cut_request(call.id) : 0;
    if (cut == 0) return missing("no request `" + shown(call.id) + "` is under way");
    return ok(Json{{"id", call.id}, {"cut", cut}});
}

Answer list_targets(Call const& call) {
    if (call.parts.health == nullptr) return missing("health is known to a running gateway");
    auto const now = std::chrono::steady_clock::now();
    auto const& health = *call.parts.health;
    return ok(Json{{"providers", providers_of(health)},
                   {"targets", breakers_of(health, now)},
                   {"credentials", credentials_of(health, now)}});
}

Answer explain_choice(Call const& call) {
    if (!call.parts.explain)
        return missing("only a running gateway explains: `sluice explain -c FILE` does it without");
    auto const question = explain::read_question(call.body);
    if (!question) return error_answer(question.error());
    auto answer = call.parts.explain(*question);
    if (!answer) return error_answer(answer.error());
    return {.body = *std::move(answer)};
}

Answer reload(Call const& call) {
    if (!call.parts.reload) return missing("only a running gateway can be reloaded");
    auto const hash = call.parts.reload();
    if (!hash) {
        return error_answer({.kind = ErrorKind::invalid_value,
                             .message = "the new configuration is not used: " + hash.error().detail.str(),
                             .code = "configuration_refused",
                             .status = 409});
    }
    return ok(Json{{"hash", *hash}});
}

}  // namespace sluice::admin

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/values.hpp"
#include "server/admin/handlers.hpp"
#include "server/keys/key_json.hpp"

/// Keys and teams.
namespace sluice::admin {
namespace {

using keys::Json;

std::string dumped(Json const& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Answer ok(Json const& json, int status = 200) { return {.status = status, .body = dumped(json)}; }

std::string_view state_of(KeySettings const& key, WallTime now) {
    if (key.disabled) return "disabled";
    return key.expires && *key.expires <= now ? "expired" : "active";
}

/// A key of the configuration has no id of its own: its name is one.
Json json_of_file(KeySettings const& key, WallTime now) {
    Json json{{"id", key.caller.id}};
    json.update(keys::to_json(key));
    json["state"] = state_of(key, now);
    json["source"] = "configuration";
    return json;
}

Json json_of(store::StoredKey const& stored, WallTime now) {
    Json json{{"id", stored.id}, {"name", stored.name}, {"prefix", stored.prefix}};
    auto const key = keys::to_settings(stored);
    if (key) json.update(keys::to_json(*key));
    json["state"] = key ? state_of(*key, now) : "unusable";
    json["created"] = keys::iso_time(stored.created);
    if (!stored.replaces.empty()) json["account"] = stored.replaces;
    json["source"] = "database";
    return json;
}

Json json_of(keys::NewKey const& made, WallTime now) {
    Json json{{"key", made.text.expose()}};
    json.update(json_of(made.stored, now));
    return json;
}

std::string team_of(store::StoredKey const& stored) {
    auto const key = keys::to_settings(stored);
    return key ? key->caller.team : std::string();
}

/// Keys that `who` manages, file first.
Json keys_of(Call const& call) {
    auto const& who = call.who;
    auto const view = call.parts.directory->view();
    auto const file = call.parts.directory->file();
    Json list = Json::array();
    for (auto const& key : file->keys)
        if (keys::manages(who, key.caller.team)) list.push_back(json_of_file(key, call.now));
    for (auto const& stored : view->stored_keys)
        if (keys::manages(who, team_of(stored))) list.push_back(json_of(stored, call.now));
    return list;
}

Answer no_database() {
    return error_answer(keys::not_found("no database keeps keys: write `storage: {}` into the configuration"));
}

bool asks_to_cut(Call const& call) {
    auto const cut = call.query.find("cut");
    return cut != call.query.end() && cut->second == "true";
}

std::optional<Answer> wrong_cut(Call const& call) {
    auto const cut = call.query.find("cut");
    bool const fits = cut == call.query.end() || cut->second == "true" || cut->second == "false";
    if (fits) return std::nullopt;
    return error_answer({.kind = ErrorKind::invalid_value,
                         .message = "the query parameter 'cut' must be true or false",
                         .param = "cut"});
}

std::size_t cut(Call const& call, store::StoredKey const& key) {
    if (!asks_to_cut(call) || call.parts.live == nullptr) return 0;
    return call.parts.live->cut_key(keys::account_of(key));
}

Json json_of(TeamSettings const& team, std::string_view source) {
    auto json = keys::to_json(team);
    json["source"] = source;
    return json;
}

bool sees(keys::Grantor const& who, std::string const& team) { return who.all || who.team == team; }

Json teams_of(Call const& call) {
    auto const view = call.parts.directory->view();
    auto const file = call.parts.directory->file();
    Json list = Json::array();
    for (auto const& team : view->teams) {
        if (!sees(call.who, team.name)) continue;
        bool const is_files = std::ranges::find(file->teams, team.name, &TeamSettings::name) != file->teams.end();
        list.push_back(json_of(team, is_files ? "configuration" : "database"));
    }
    return list;
}

Answer answer_team(Result<store::StoredTeam> const& stored, int status) {
    if (!stored) return error_answer(stored.error());
    auto const team = keys::to_settings(*stored);
    if (!team) return error_answer(team.error());
    return ok(json_of(*team, "database"), status);
}

/// `{"overlap": "24h"}`, or nothing.
Result<std::chrono::seconds> read_overlap(std::string_view body) {
    constexpr std::string_view standard = "24h";
    auto const json = body.empty() ? Json::object() : Json::parse(body, nullptr, false);
    if (!json.is_object())
        return std::unexpected(Error{.kind = ErrorKind::invalid_json, .message = "the body must be a JSON object"});
    for (auto const& [name, value] : json.items()) {
        if (name == "overlap" && value.is_string()) continue;
        return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                     .message = "the body may hold `overlap`, a duration, and nothing else",
                                     .param = shown(name)});
    }
    constexpr std::int64_t longest = 366LL * 86'400'000;
    config::Field const field{.key = "overlap", .kind = config::Kind::duration, .most = longest};
    auto const text = json.value("overlap", std::string(standard));
    auto const value = config::parse_value(field, text);
    if (!value) {
        return std::unexpected(Error{
            .kind = ErrorKind::invalid_value, .message = "`" + shown(text) + "` " + value.error(), .param = "overlap"});
    }
    return std::chrono::ceil<std::chrono::seconds>(milliseconds(std::get<std::int64_t>(*value)));
}

}  // namespace

Answer list_keys(Call const& call) {
    auto list = keys_of(call);
    if (auto const team = call.query.find("team"); team != call.query.end()) {
        Json kept = Json::array();
        for (auto& key : list)
            if (key.value("team", "") == team->second) kept.push_back(std::move(key));
        list = std::move(kept);
    }
    return ok(Json{{"keys", std::move(list)}});
}

Answer create_key(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    auto const made = call.parts.changes->create(call.who, call.body, *call.parts.settings(), call.now);
    return made ? ok(json_of(*made, call.now), 201) : error_answer(made.error());
}

Answer show_key(Call const& call) {
    for (auto const& key : keys_of(call)) {
        if (key["id"] == call.id || key["name"] == call.id) return ok(key);
    }
    return error_answer(keys::not_found("there is no key `" + shown(call.id) + "`"));
}

Answer change_key(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    if (auto wrong = wrong_cut(call)) return *std::move(wrong);
    auto const stored = call.parts.changes->change(call.who, call.id, call.body, *call.parts.settings());
    if (!stored) return error_answer(stored.error());
    auto json = json_of(*stored, call.now);
    if (asks_to_cut(call)) json["cut"] = cut(call, *stored);
    return ok(json);
}

Answer remove_key(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    if (auto wrong = wrong_cut(call)) return *std::move(wrong);
    auto const stored = call.parts.changes->remove(call.who, call.id);
    if (!stored) return error_answer(stored.error());
    Json json{{"id", stored->id}, {"deleted", true}};
    if (asks_to_cut(call)) json["cut"] = cut(call, *stored);
    return ok(json);
}

Answer rotate_key(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    auto const overlap = read_overlap(call.body);
    if (!overlap) return error_answer(overlap.error());
    auto const made = call.parts.changes->rotate(call.who, call.id, *overlap, call.now);
    return made ? ok(json_of(*made, call.now), 201) : error_answer(made.error());
}

Answer list_teams(Call const& call) { return ok(Json{{"teams", teams_of(call)}}); }

Answer create_team(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    return answer_team(call.parts.changes->create_team(call.who, call.body, *call.parts.settings(), call.now), 201);
}

Answer show_team(Call const& call) {
    for (auto const& team : teams_of(call))
        if (team["name"] == call.id) return ok(team);
    return error_answer(keys::not_found("there is no team `" + shown(call.id) + "`"));
}

Answer change_team(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    return answer_team(call.parts.changes->change_team(call.who, call.id, call.body, *call.parts.settings()), 200);
}

Answer remove_team(Call const& call) {
    if (call.parts.changes == nullptr) return no_database();
    auto const removed = call.parts.changes->remove_team(call.who, call.id);
    return removed ? ok(Json{{"name", call.id}, {"deleted", true}}) : error_answer(removed.error());
}

}  // namespace sluice::admin

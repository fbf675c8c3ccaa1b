#include "server/keys/key_changes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/text.hpp"
#include "config/written_json.hpp"
#include "server/keys/key_json.hpp"
#include "server/keys/key_text.hpp"

namespace sluice::keys {
namespace {

std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

Error no_randomness() { return {.kind = ErrorKind::internal, .detail = "the system gives no random numbers"}; }

Result<> check_models(std::vector<std::string> const& models, Settings const& known) {
    auto const faults = config::check_written_models(models, known);
    if (faults.empty()) return {};
    return fail({.kind = ErrorKind::invalid_value, .message = faults.front().message, .param = faults.front().path});
}

/// Only who may do everything changes teams.
Result<> check_teams(Grantor const& grantor) {
    if (grantor.all) return {};
    return fail({.kind = ErrorKind::permission_denied, .message = "this token may not change teams"});
}

store::StoredTeam const* find_team(KeyView const& view, std::string_view name) {
    auto const found = std::ranges::find(view.stored_teams, name, &store::StoredTeam::name);
    return found == view.stored_teams.end() ? nullptr : &*found;
}

void write(KeySettings const& key, store::StoredKey& stored) {
    stored.name = key.caller.name;
    stored.settings_json = settings_json(key);
    stored.expires = key.expires ? std::optional(WallTime(*key.expires)) : std::nullopt;
    stored.disabled = key.disabled;
}

/// To take something away is always allowed to who manages the key.
bool only_disables(KeySettings before, KeySettings const& after) {
    bool const is_disabled = after.disabled;
    before.disabled = is_disabled;
    return is_disabled && to_json(before) == to_json(after);
}

}  // namespace

Error not_found(std::string message) {
    return {.kind = ErrorKind::invalid_value, .message = std::move(message), .code = "not_found", .status = 404};
}

Error conflict(std::string message) {
    return {.kind = ErrorKind::invalid_value, .message = std::move(message), .code = "conflict", .status = 409};
}

/// A key that the grantor does not manage is not there, as far as it can tell.
Result<store::StoredKey> KeyChanges::find(Grantor const& grantor, std::string_view id_or_name) const {
    auto const view = directory_.view();
    if (auto const* const stored = view->find_stored(id_or_name)) {
        auto const key = to_settings(*stored);
        if (manages(grantor, key ? key->caller.team : std::string())) return *stored;
    }
    auto const has_name = [id_or_name](KeySettings const& key) { return key.caller.name == id_or_name; };
    auto const in_file = std::ranges::find_if(view->keys, has_name);
    bool const is_files = in_file != view->keys.end() && view->find_stored(id_or_name) == nullptr;
    if (is_files && manages(grantor, in_file->caller.team))
        return fail(conflict("key `" + config::clipped(id_or_name) +
                             "` is written in the configuration, and is changed there"));
    return fail(not_found("there is no key `" + config::clipped(id_or_name) + "`"));
}

Result<> KeyChanges::check(Grantor const& grantor, KeySettings const& key, Settings const& known) const {
    auto const view = directory_.view();
    TeamSettings team;
    if (auto const& name = key.caller.team; !name.empty()) {
        auto const* const found = view->find_team(name);
        if (found != nullptr) team = *found;
        std::vector<std::string> names;
        for (auto const& each : view->teams) names.push_back(each.name);
        if (found == nullptr && grantor.all)
            return fail({.kind = ErrorKind::invalid_value,
                         .message = "`" + config::clipped(name) + "` is no team" + config::suggestion(name, names),
                         .param = "team"});
    }
    SLUICE_CHECK(may_grant(grantor, key, team));
    return check_models(key.caller.models, known);
}

Result<> KeyChanges::check_name(std::string const& name, std::string const& own_id) const {
    auto const view = directory_.view();
    auto const* const stored = view->find_stored(name);
    auto const in_file = std::ranges::any_of(
        view->keys, [&name](KeySettings const& key) { return key.caller.name == name && key.caller.id == name; });
    bool const is_taken = in_file || (stored != nullptr && stored->id != own_id);
    if (!is_taken) return {};
    return fail(conflict("there is a key `" + config::clipped(name) + "` already"));
}

Result<> KeyChanges::put(store::StoredKey const& key) {
    SLUICE_CHECK(store_.put(key));
    SLUICE_CHECK(directory_.refresh());
    return {};
}

Result<> KeyChanges::put(store::StoredTeam const& team) {
    SLUICE_CHECK(store_.put(team));
    SLUICE_CHECK(directory_.refresh());
    return {};
}

Result<NewKey> KeyChanges::create(Grantor const& grantor, std::string_view json, Settings const& known, WallTime now) {
    SLUICE_TRY(auto key, read_key(json));
    if (key.caller.team.empty() && !grantor.all) key.caller.team = grantor.team;
    SLUICE_CHECK(check(grantor, key, known));
    SLUICE_CHECK(check_name(key.caller.name, ""));
    NewKey made{.text = Secret(make_key_text())};
    made.stored.id = make_key_id();
    if (made.text.empty() || made.stored.id.empty()) return fail(no_randomness());
    made.stored.prefix = shown_prefix(made.text.expose());
    made.stored.sha256_hex = config::sha256_hex(made.text.expose());
    made.stored.created = now;
    write(key, made.stored);
    SLUICE_CHECK(put(made.stored));
    return made;
}

Result<store::StoredKey> KeyChanges::change(Grantor const& grantor, std::string_view id_or_name, std::string_view patch,
                                            Settings const& known) {
    SLUICE_TRY(auto stored, find(grantor, id_or_name));
    SLUICE_TRY(auto const before, to_settings(stored));
    SLUICE_TRY(auto const json, patched(to_json(before), patch));
    SLUICE_TRY(auto const after, read_key(json));
    if (!only_disables(before, after)) SLUICE_CHECK(check(grantor, after, known));
    SLUICE_CHECK(check_name(after.caller.name, stored.id));
    write(after, stored);
    SLUICE_CHECK(put(stored));
    return stored;
}

Result<NewKey> KeyChanges::rotate(Grantor const& grantor, std::string_view id_or_name, std::chrono::seconds overlap,
                                  WallTime now) {
    SLUICE_TRY(auto old, find(grantor, id_or_name));
    SLUICE_TRY(auto const key, to_settings(old));
    auto const view = directory_.view();
    auto const* const team = view->find_team(key.caller.team);
    SLUICE_CHECK(may_grant(grantor, key, team != nullptr ? *team : TeamSettings()));
    if (key.disabled) return fail(conflict("the key is disabled: enable it first"));
    NewKey made{.stored = old, .text = Secret(make_key_text())};
    made.stored.id = make_key_id();
    if (made.text.empty() || made.stored.id.empty()) return fail(no_randomness());
    made.stored.prefix = shown_prefix(made.text.expose());
    made.stored.sha256_hex = config::sha256_hex(made.text.expose());
    made.stored.created = now;
    made.stored.replaces = account_of(old);
    old.name += " (" + old.id + ")";
    auto const end = now + overlap;
    if (!old.expires || *old.expires > end) old.expires = end;
    std::array const both{old, made.stored};
    SLUICE_CHECK(store_.put_all(both));
    SLUICE_CHECK(directory_.refresh());
    return made;
}

Result<store::StoredKey> KeyChanges::remove(Grantor const& grantor, std::string_view id_or_name) {
    SLUICE_TRY(auto stored, find(grantor, id_or_name));
    SLUICE_TRY(bool const removed, store_.remove_key(stored.id));
    SLUICE_CHECK(directory_.refresh());
    if (!removed) return fail(not_found("there is no key `" + config::clipped(id_or_name) + "` any more"));
    return stored;
}

Result<store::StoredTeam> KeyChanges::create_team(Grantor const& grantor, std::string_view json, Settings const& known,
                                                  WallTime now) {
    SLUICE_CHECK(check_teams(grantor));
    SLUICE_TRY(auto const team, read_team(json));
    SLUICE_CHECK(check_models(team.models, known));
    if (directory_.view()->find_team(team.name) != nullptr)
        return fail(conflict("there is a team `" + config::clipped(team.name) + "` already"));
    store::StoredTeam stored{.name = team.name, .settings_json = settings_json(team), .created = now};
    SLUICE_CHECK(put(stored));
    return stored;
}

Result<store::StoredTeam> KeyChanges::change_team(Grantor const& grantor, std::string_view name, std::string_view patch,
                                                  Settings const& known) {
    SLUICE_CHECK(check_teams(grantor));
    auto const view = directory_.view();
    auto const* const found = find_team(*view, name);
    if (found == nullptr && view->find_team(name) != nullptr)
        return fail(conflict("team `" + config::clipped(name) +
                             "` is written in the configuration, and is changed "
                             "there"));
    if (found == nullptr) return fail(not_found("there is no team `" + config::clipped(name) + "`"));
    SLUICE_TRY(auto const before, to_settings(*found));
    SLUICE_TRY(auto const json, patched(to_json(before), patch));
    SLUICE_TRY(auto const team, read_team(json));
    if (team.name != found->name)
        return fail({.kind = ErrorKind::invalid_value, .message = "a team keeps its name", .param = "name"});
    SLUICE_CHECK(check_models(team.models, known));
    auto stored = *found;
    stored.settings_json = settings_json(team);
    SLUICE_CHECK(put(stored));
    return stored;
}

Result<> KeyChanges::remove_team(Grantor const& grantor, std::string_view name) {
    SLUICE_CHECK(check_teams(grantor));
    auto const view = directory_.view();
    if (find_team(*view, name) == nullptr) {
        if (view->find_team(name) != nullptr)
            return fail(conflict("team `" + config::clipped(name) +
                                 "` is written in the configuration, and is changed "
                                 "there"));
        return fail(not_found("there is no team `" + config::clipped(name) + "`"));
    }
    for (auto const& key : view->keys) {
        if (key.caller.team == name)
            return fail(conflict("key `" + key.caller.name + "` is in this team: delete it first"));
    }
    SLUICE_CHECK(store_.remove_team(std::string(name)));
    SLUICE_CHECK(directory_.refresh());
    return {};
}

}  // namespace sluice::keys

#include <algorithm>
#include <map>

#include "config/addresses.hpp"
#include "config/model_names.hpp"
#include "config/resolve.hpp"
#include "config/text.hpp"
#include "core/policy/allowed_models.hpp"

/// Keys, their teams, and who may call without one.
namespace sluice::config {
namespace {

std::string key_path(std::size_t index) { return "keys[" + std::to_string(index) + "]"; }

/// Names stand in limits, where a star means more than one.
void check_name(std::string const& name, std::string const& path, std::string_view what, Reader& reader) {
    if (name.contains('*')) reader.error(reader.place(path), std::string(what) + " name can't hold `*`");
}

void check_models(std::vector<std::string> const& models, std::string const& path, ModelNames const& names,
                  Reader& reader) {
    if (models.empty() && reader.has(path))
        reader.error(reader.place(path), "`models` is empty: leave it out to allow all, or name some");
    for (std::size_t i = 0; i < models.size(); ++i) {
        if (names.has(models[i])) continue;
        std::string const item = path + "[" + std::to_string(i) + "]";
        reader.error(reader.place(item),
                     reader.subject(item) + " is no model's name" + reader.hint(models[i], names.all()));
    }
}

void resolve_secret(KeyDraft const& draft, std::string const& path, KeySettings& key, Reader& reader) {
    bool const has_value = reader.has(path + ".value");
    bool const has_hash = reader.has(path + ".hash");
    if (has_value && has_hash) reader.error(reader.place(path + ".hash"), "`value` and `hash` exclude each other");
    if (!has_value && !has_hash) reader.error(reader.place(path), "`" + path + "` has neither `value` nor `hash`");
    constexpr std::size_t long_enough = 16;
    if (!draft.value.empty() && draft.value.expose().size() < long_enough) {
        reader.warning(reader.place(path + ".value"), "this key is shorter than 16 characters, and can be guessed");
    }
    key.sha256_hex = draft.value.empty() ? draft.hash : sha256_hex(draft.value.expose());
}

/// A key gets its team's tags, and no more than its team's models.
void join_team(TeamSettings const& team, std::string const& path, KeySettings& key, Reader& reader) {
    Caller& caller = key.caller;
    for (std::size_t i = 0; i < caller.models.size(); ++i) {
        bool const is_wider = !covers(team.models, caller.models[i]) &&
                              std::ranges::none_of(team.models, [&name = caller.models[i]](std::string const& allowed) {
                                  return match_star(name, allowed).fits;
                              });
        if (!is_wider) continue;
        std::string const item = path + ".models[" + std::to_string(i) + "]";
        reader.error(reader.place(item), reader.subject(item) + " is none of the models of team `" +
                                             clipped(team.name) + "`" + reader.hint(caller.models[i], team.models));
    }
    caller.models = models_within(caller.models, team.models);
    caller.tags.insert(team.tags.begin(), team.tags.end());
}

void resolve_team(Settings const& settings, std::string const& path, KeySettings& key, Reader& reader) {
    if (key.caller.team.empty()) return;
    auto const team = std::ranges::find(settings.teams, key.caller.team, &TeamSettings::name);
    if (team != settings.teams.end()) return join_team(*team, path, key, reader);
    if (!reader.has("teams")) return;  // then a team is no more than a word in reports
    std::vector<std::string> names;
    names.reserve(settings.teams.size());
    for (TeamSettings const& known : settings.teams) names.push_back(known.name);
    std::string const at = path + ".team";
    reader.error(reader.place(at), reader.subject(at) + " is no team" + reader.hint(key.caller.team, names));
}

void check_duplicate_keys(Settings const& settings, Reader& reader) {
    std::map<std::string, std::size_t> names;
    std::map<std::string, std::size_t> hashes;
    for (std::size_t i = 0; i < settings.keys.size(); ++i) {
        KeySettings const& key = settings.keys[i];
        auto const [same_name, is_new_name] = names.try_emplace(key.caller.name, i);
        if (!is_new_name && !key.caller.name.empty()) {
            reader.error(reader.place(key_path(i) + ".name"),
                         "duplicate key name `" + clipped(key.caller.name) + "`: it stands already at " +
                             shown(reader.place(key_path(same_name->second) + ".name")));
        }
        auto const [same_hash, is_new_hash] = hashes.try_emplace(key.sha256_hex, i);
        if (is_new_hash || key.sha256_hex.empty()) continue;
        reader.error(reader.place(key_path(i)), "the same key as `" +
                                                    clipped(settings.keys[same_hash->second].caller.name) + "` at " +
                                                    shown(reader.place(key_path(same_hash->second))));
    }
}

}  // namespace

void check_team_name(std::string const& name, std::string const& path, Reader& reader) {
    check_name(name, path, "a team's", reader);
}

void check_key_name(std::string const& name, std::string const& path, Reader& reader) {
    check_name(name, path, "a key's", reader);
    if (name.starts_with("k_"))
        reader.error(reader.place(path), "a key's name can't begin with `k_`: ids of others do");
}

void resolve_keys(Draft& draft, Settings& settings, Reader& reader) {
    ModelNames const names(settings);
    for (TeamDraft& team : draft.teams) {
        std::string const path = "teams." + team.settings.name;
        check_team_name(team.settings.name, path, reader);
        check_models(team.settings.models, path + ".models", names, reader);
        settings.teams.push_back(team.settings);
    }
    for (std::size_t i = 0; i < draft.keys.size(); ++i) {
        KeySettings key = draft.keys[i].settings;
        key.caller.id = key.caller.name;
        check_key_name(key.caller.name, key_path(i) + ".name", reader);
        resolve_secret(draft.keys[i], key_path(i), key, reader);
        check_models(key.caller.models, key_path(i) + ".models", names, reader);
        resolve_team(settings, key_path(i), key, reader);
        settings.keys.push_back(std::move(key));
    }
    check_duplicate_keys(settings, reader);
}

void resolve_auth(Draft const& draft, Settings& settings, Reader& reader) {
    bool const has_keys = !draft.keys.empty() || draft.storage.written;
    AuthMode& auth = settings.server.auth;
    auth = draft.auth ? static_cast<AuthMode>(*draft.auth) : has_keys ? AuthMode::keys : AuthMode::none;
    if (auth == AuthMode::keys && !has_keys && !settings.storage.enabled) {
        reader.error(reader.place("server.auth"),
                     "`auth: keys`, but there are neither `keys` nor `storage`: nobody could call");
    }
    if (auth == AuthMode::none && !draft.keys.empty())
        reader.error(reader.place("server.auth"),
                     "`auth: none` and `keys` exclude each other: nobody would look at them");
    if (draft.anybody_may_bring_keys && auth == AuthMode::keys) {
        reader.error(reader.place("server.bring_keys"),
                     "`server.bring_keys` is for a gateway without `keys`: here a key's `may_bring_keys` decides");
    }
    bool const is_open = auth == AuthMode::none && !is_loopback(parts_of_address(settings.server.listen).host);
    if (draft.unprotected && !is_open) {
        reader.error(reader.place("server.unprotected"),
                     "`unprotected` means something only with `auth: none` on an address that is not loopback");
    }
    if (!is_open || (draft.unprotected && draft.auth)) return;
    reader.error(reader.place("server.listen"),
                 draft.auth ? "`server.listen` is not a loopback address and `auth` is `none`: anybody could use the "
                              "providers; if that is what you want, say `unprotected: true`"
                            : "`server.listen` is not a loopback address and there are no `keys`: anybody could "
                              "use the providers; add `keys`, or listen on 127.0.0.1");
}

}  // namespace sluice::config

#include "server/keys/may_grant.hpp"

#include "core/policy/allowed_models.hpp"

namespace sluice::keys {
namespace {

std::unexpected<Error> denied(std::string message, std::string param) {
    return std::unexpected(
        Error{.kind = ErrorKind::permission_denied, .message = std::move(message), .param = std::move(param)});
}

}  // namespace

bool manages(Grantor const& grantor, std::string const& key_team) {
    return grantor.all || (!grantor.team.empty() && grantor.team == key_team);
}

Result<> may_grant(Grantor const& grantor, KeySettings const& key, TeamSettings const& team) {
    if (grantor.all) return {};
    auto const& caller = key.caller;
    if (!manages(grantor, caller.team) || team.name != grantor.team)
        return denied("this token may only manage keys of team `" + grantor.team + "`", "team");
    if (!caller.name.starts_with(team.name + "-"))
        return denied("names of keys that this token makes begin with `" + team.name + "-`", "name");
    for (auto const& model : caller.models) {
        if (!covers(team.models, model))
            return denied("`" + model + "` is none of the models of team `" + team.name + "`", "models");
    }
    for (auto const& [name, value] : caller.tags) {
        auto const own = team.tags.find(name);
        if (own == team.tags.end() || own->second != value)
            return denied("this token may not set tags: a key has those of its team", "tags");
    }
    if (caller.may_bring_keys) return denied("this token may not allow `may_bring_keys`", "may_bring_keys");
    return {};
}

}  // namespace sluice::keys

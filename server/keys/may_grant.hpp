#pragma once

#include <string>

#include "core/types/result.hpp"
#include "core/types/settings.hpp"

namespace sluice::keys {

/// Who manages keys, and with what power.
struct Grantor {
    std::string name{};  ///< for the log
    bool all = false;    ///< everything; else the keys of `team` alone
    std::string team{};
};

/// May `grantor` see, change and remove a key of that team?
bool manages(Grantor const& grantor, std::string const& key_team);

/// Whether `grantor` may make a key with these settings, or turn one into it: the one place where it is decided. A key
/// never holds a right that its creator lacks. Who manages one team gives the team's models and no others; no tags
/// beside the team's, for a tag decides whose budget pays and where requests go; no keys of one's own; and a name that
/// begins with the team's, for rules go by names. `team`: the grantor's, as it is in force; not asked for when `all`.
/// Errors: permission_denied.
Result<> may_grant(Grantor const& grantor, KeySettings const& key, TeamSettings const& team);

}  // namespace sluice::keys

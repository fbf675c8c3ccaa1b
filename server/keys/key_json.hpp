#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "server/store/ledger_store.hpp"

/// Keys and teams as JSON: what the admin API takes and gives, and what a store keeps, by the words of the
/// configuration.
namespace sluice::keys {

using Json = nlohmann::ordered_json;

/// As one writes it: name, team, models, rate, budget ... without what is as usual.
Json to_json(KeySettings const& key);
Json to_json(TeamSettings const& team);
Json to_json(Limit const& limit);  ///< of money: usd, per ...; else requests or tokens, per; or concurrent

/// "2027-01-31T12:00:00Z"
std::string iso_time(WallTime time);
/// "day", "1h" ...; rolling is not part of it.
std::string to_text(LimitPeriod const& period);

/// What StoredKey::settings_json holds of it: all but what has a place of its own there (name, expires, disabled).
std::string settings_json(KeySettings const& key);
std::string settings_json(TeamSettings const& team);

/// Members that are null count as not written. Errors: invalid_json; invalid_value, which says all that is wrong and
/// names the first member.
Result<KeySettings> read_key(std::string_view json);
Result<TeamSettings> read_team(std::string_view json);

/// A stored key or team as the gateway uses it. Errors: as above, of what another version may have written.
Result<KeySettings> to_settings(store::StoredKey const& stored);
Result<TeamSettings> to_settings(store::StoredTeam const& stored);

/// `json` with the members of `patch`, each in place of its whole value; null takes one away. Errors: invalid_json.
Result<std::string> patched(Json json, std::string_view patch);

/// The id that limits and the ledger know it by: a key that was rotated goes on with the account of the first.
std::string const& account_of(store::StoredKey const& key);

}  // namespace sluice::keys

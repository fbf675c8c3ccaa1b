#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "server/keys/key_directory.hpp"
#include "server/keys/may_grant.hpp"

namespace sluice::keys {

struct NewKey {
    store::StoredKey stored{};
    Secret text{};  ///< shown once, kept nowhere
};

/// Makes, changes and removes the keys and teams of a store; the admin API and the command line do it through this, so
/// that every change is checked alike. A change is in force here when the call returns. Thread: any, one at a time;
/// blocks for as long as the database takes.
///
/// Errors of all: invalid_json, invalid_value and permission_denied for what is asked; `not_found` (404) where there is
/// no such key for this grantor; `conflict` (409) for what the configuration says or what is still needed;
/// ledger_unavailable when the store fails.
class KeyChanges {
public:
    KeyChanges(store::KeyStore& store, KeyDirectory& directory) : store_(store), directory_(directory) {}

    /// `known`: the configuration, whose models may be named.
    Result<NewKey> create(Grantor const& grantor, std::string_view json, Settings const& known, WallTime now);
    /// `patch`: members with their new values, null for none.
    Result<store::StoredKey> change(Grantor const& grantor, std::string_view id_or_name, std::string_view patch,
                                    Settings const& known);
    /// A new key with the same settings, name and account. The old one gets another name and expires after `overlap`.
    Result<NewKey> rotate(Grantor const& grantor, std::string_view id_or_name, std::chrono::seconds overlap,
                          WallTime now);
    /// What was removed.
    Result<store::StoredKey> remove(Grantor const& grantor, std::string_view id_or_name);

    Result<store::StoredTeam> create_team(Grantor const& grantor, std::string_view json, Settings const& known,
                                          WallTime now);
    Result<store::StoredTeam> change_team(Grantor const& grantor, std::string_view name, std::string_view patch,
                                          Settings const& known);
    /// Errors: also conflict, while a key is in it.
    Result<> remove_team(Grantor const& grantor, std::string_view name);

private:
    Result<store::StoredKey> find(Grantor const& grantor, std::string_view id_or_name) const;
    Result<> check(Grantor const& grantor, KeySettings const& key, Settings const& known) const;
    Result<> check_name(std::string const& name, std::string const& own_id) const;
    Result<> put(store::StoredKey const& key);
    Result<> put(store::StoredTeam const& team);

    store::KeyStore& store_;
    KeyDirectory& directory_;
};

/// The errors that only people who manage keys meet.
Error not_found(std::string message);
Error conflict(std::string message);

}  // namespace sluice::keys

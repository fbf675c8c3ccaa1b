#pragma once

#include <string>
#include <vector>

#include "server/store/ledger_store.hpp"
#include "server/store/postgres_schema.hpp"

namespace sluice::store {

/// Keys and teams in PostgreSQL: see KeyStore. Other replicas see a change when they next ask for version(). Thread:
/// any, one after the other.
class PostgresKeys {
public:
    PostgresKeys(std::unique_ptr<Postgres> database, OpenedBy opener) : tables_(std::move(database), opener) {}

    Result<std::int64_t> version();
    Result<std::vector<StoredKey>> keys();
    Result<std::vector<StoredTeam>> teams();
    Result<> put(StoredKey const& key);
    Result<> put(StoredTeam const& team);
    Result<bool> remove_key(std::string const& id);
    Result<bool> remove_team(std::string const& name);

private:
    /// How many rows were changed.
    Result<int> change(char const* sql, std::vector<std::optional<std::string>> parameters);

    PostgresTables tables_;
};

}  // namespace sluice::store

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
    /// Does it and counts it as a change, in one transaction; how many rows it returned.
    Result<int> change(PostgresStatement statement);

    PostgresTables tables_;
};

}  // namespace sluice::store

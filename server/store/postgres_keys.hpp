#pragma once

#include <optional>
#include <span>
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
    Result<> put_all(std::span<StoredKey const> keys);
    Result<> put(StoredTeam const& team);
    Result<bool> remove_key(std::string const& id);
    Result<bool> remove_team(std::string const& name);

private:
    using Parameters = std::vector<std::optional<std::string>>;

    /// How many rows were changed.
    Result<int> change(char const* sql, Parameters parameters);
    Result<int> change_all(char const* sql, std::vector<Parameters> each);

    PostgresTables tables_;
};

}  // namespace sluice::store

#include <string>
#include <vector>

#include "server/store/sqlite_ledger.hpp"

/// Keys and teams. Each change counts, so that others notice.
namespace sluice::store::sqlite {
namespace {

constexpr char const* count_change = "UPDATE key_changes SET count = count + 1";

/// A name or hash that another row has is the caller's mistake, not the store's.
Result<> checked(Result<> result, Database const& database, char const* what) {
    if (result || !database.conflicted()) return result;
    return std::unexpected(Error{.kind = ErrorKind::invalid_value, .message = what});
}

Result<> insert(Database& database, StoredKey const& key) {
    SLUICE_TRY(auto row, database.prepare(
                             "INSERT INTO keys VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT(id) DO UPDATE SET name "
                             "= excluded.name, prefix = excluded.prefix, sha256 = excluded.sha256, settings = "
                             "excluded.settings, created = excluded.created, expires = excluded.expires, disabled = "
                             "excluded.disabled, replaces = excluded.replaces"));
    std::optional<std::int64_t> expires;
    if (key.expires) expires = key.expires->time_since_epoch().count();
    row.bind(key.id, key.name, key.prefix, key.sha256_hex, key.settings_json, key.created, expires,
             std::int64_t{key.disabled ? 1 : 0}, key.replaces);
    return checked(row.run(), database, "another key has this name or this value");
}

}  // namespace

Result<std::int64_t> SqliteStore::version() {
    std::int64_t count = 0;
    SLUICE_CHECK(read([&count](Database& database) -> Result<> {
        SLUICE_TRY(auto const found, database.integer("SELECT count FROM key_changes"));
        count = found.value_or(0);
        return {};
    }));
    return count;
}

Result<std::vector<StoredKey>> SqliteStore::keys() {
    std::vector<StoredKey> keys;
    SLUICE_CHECK(read([&keys](Database& database) -> Result<> {
        SLUICE_TRY(auto rows, database.prepare("SELECT id, name, prefix, sha256, settings, created, expires, disabled, "
                                               "replaces FROM keys ORDER BY created, id"));
        return rows.for_each([&keys](Statement const& row) {
            StoredKey key{.id = row.string(0),
                          .name = row.string(1),
                          .prefix = row.string(2),
                          .sha256_hex = row.string(3),
                          .settings_json = row.string(4),
                          .created = row.time(5),
                          .disabled = row.integer(7) != 0,
                          .replaces = row.string(8)};
            if (row.maybe_integer(6)) key.expires = row.time(6);
            keys.push_back(std::move(key));
        });
    }));
    return keys;
}

Result<std::vector<StoredTeam>> SqliteStore::teams() {
    std::vector<StoredTeam> teams;
    SLUICE_CHECK(read([&teams](Database& database) -> Result<> {
        SLUICE_TRY(auto rows, database.prepare("SELECT name, settings, created FROM teams ORDER BY name"));
        return rows.for_each([&teams](Statement const& row) {
            teams.push_back({.name = row.string(0), .settings_json = row.string(1), .created = row.time(2)});
        });
    }));
    return teams;
}

Result<> SqliteStore::put(StoredKey const& key) { return put_all({&key, 1}); }

Result<> SqliteStore::put_all(std::span<StoredKey const> keys) {
    return write([keys](Database& database) -> Result<> {
        for (auto const& key : keys) SLUICE_CHECK(insert(database, key));
        return database.run(count_change);
    });
}

Result<> SqliteStore::put(StoredTeam const& team) {
    return write([&team](Database& database) -> Result<> {
        SLUICE_TRY(auto row, database.prepare("INSERT OR REPLACE INTO teams VALUES(?1,?2,?3)"));
        SLUICE_CHECK(row.bind(team.name, team.settings_json, team.created).run());
        return database.run(count_change);
    });
}

Result<bool> SqliteStore::remove_key(std::string const& id) {
    bool removed = false;
    SLUICE_CHECK(write([&id, &removed](Database& database) -> Result<> {
        SLUICE_TRY(auto row, database.prepare("DELETE FROM keys WHERE id = ?1"));
        SLUICE_CHECK(row.bind(id).run());
        removed = database.changes() > 0;
        return removed ? database.run(count_change) : Result<>{};
    }));
    return removed;
}

Result<bool> SqliteStore::remove_team(std::string const& name) {
    bool removed = false;
    SLUICE_CHECK(write([&name, &removed](Database& database) -> Result<> {
        SLUICE_TRY(auto row, database.prepare("DELETE FROM teams WHERE name = ?1"));
        SLUICE_CHECK(row.bind(name).run());
        removed = database.changes() > 0;
        return removed ? database.run(count_change) : Result<>{};
    }));
    return removed;
}

}  // namespace sluice::store::sqlite

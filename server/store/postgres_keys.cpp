#include "server/store/postgres_keys.hpp"

#include <utility>

namespace sluice::store {

namespace {

constexpr char const* put_key = R"sql(
INSERT INTO sluice_keys VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET name = excluded.name, prefix = excluded.prefix, sha256 = excluded.sha256,
    settings = excluded.settings, created = excluded.created, expires = excluded.expires,
    disabled = excluded.disabled, replaces = excluded.replaces
RETURNING id)sql";

constexpr char const* put_team = R"sql(
INSERT INTO sluice_teams VALUES($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, created = excluded.created
RETURNING name)sql";

constexpr char const* read_keys = R"sql(
SELECT id, name, prefix, sha256, settings, created, expires, disabled, replaces
FROM sluice_keys ORDER BY created, id)sql";

std::string number(WallTime at) { return std::to_string(at.time_since_epoch().count()); }
WallTime time(std::int64_t milliseconds) { return WallTime(std::chrono::milliseconds(milliseconds)); }

StoredKey read_key(PostgresRows const& rows, int row) {
    StoredKey key{.id = std::string(rows.text(row, 0)),
                  .name = std::string(rows.text(row, 1)),
                  .prefix = std::string(rows.text(row, 2)),
                  .sha256_hex = std::string(rows.text(row, 3)),
                  .settings_json = std::string(rows.text(row, 4)),
                  .created = time(rows.number(row, 5)),
                  .disabled = rows.number(row, 7) != 0,
                  .replaces = std::string(rows.text(row, 8))};
    if (!rows.is_null(row, 6)) key.expires = time(rows.number(row, 6));
    return key;
}

}  // namespace

Result<std::int64_t> PostgresKeys::version() {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto const rows, database->run({.sql = "SELECT count FROM sluice_key_changes"}));
    return rows.number(0, 0);
}

Result<std::vector<StoredKey>> PostgresKeys::keys() {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto const rows, database->run({.sql = read_keys}));
    std::vector<StoredKey> keys;
    keys.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) keys.push_back(read_key(rows, row));
    return keys;
}

Result<std::vector<StoredTeam>> PostgresKeys::teams() {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto const rows,
               database->run({.sql = "SELECT name, settings, created FROM sluice_teams ORDER BY name"}));
    std::vector<StoredTeam> teams;
    teams.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        teams.push_back({.name = std::string(rows.text(row, 0)),
                         .settings_json = std::string(rows.text(row, 1)),
                         .created = time(rows.number(row, 2))});
    return teams;
}

/// Changes rows, returns how many, and counts that as one change if there are any.
Result<int> PostgresKeys::change(char const* sql, Parameters parameters) {
    SLUICE_TRY(auto const changed, change_all(sql, {std::move(parameters)}));
    return changed;
}

/// All or none of them.
Result<int> PostgresKeys::change_all(char const* sql, std::vector<Parameters> each) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    auto const counted = "WITH changed AS (" + std::string(sql) +
                         "), counted AS (UPDATE sluice_key_changes SET count = count + 1 "
                         "WHERE EXISTS (SELECT FROM changed)) SELECT * FROM changed";
    std::vector<PostgresStatement> statements;
    statements.reserve(each.size());
    for (auto& parameters : each) {
        statements.push_back({.sql = counted.c_str(), .parameters = std::move(parameters)});
    }
    auto const answers = database->run_all(statements);
    if (answers) {
        int changed = 0;
        for (auto const& rows : *answers) changed += rows.size();
        return changed;
    }
    if (!database->was_duplicate()) return std::unexpected(answers.error());
    return std::unexpected(Error{
        .kind = ErrorKind::invalid_value, .message = "another key has this name", .detail = answers.error().detail});
}

Result<> PostgresKeys::put_all(std::span<StoredKey const> keys) {
    std::vector<Parameters> each;
    each.reserve(keys.size());
    for (auto const& key : keys) {
        std::optional<std::string> expires;
        if (key.expires) expires = number(*key.expires);
        each.push_back({key.id, key.name, key.prefix, key.sha256_hex, key.settings_json, number(key.created), expires,
                        key.disabled ? "t" : "f", key.replaces});
    }
    SLUICE_CHECK(change_all(put_key, std::move(each)));
    return {};
}

Result<> PostgresKeys::put(StoredTeam const& team) {
    SLUICE_CHECK(change(put_team, {team.name, team.settings_json, number(team.created)}));
    return {};
}

Result<bool> PostgresKeys::remove_key(std::string const& id) {
    SLUICE_TRY(int const removed, change("DELETE FROM sluice_keys WHERE id = $1 RETURNING id", {id}));
    return removed > 0;
}

Result<bool> PostgresKeys::remove_team(std::string const& name) {
    SLUICE_TRY(int const removed, change("DELETE FROM sluice_teams WHERE name = $1 RETURNING name", {name}));
    return removed > 0;
}

}  // namespace sluice::store

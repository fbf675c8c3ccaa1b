#include "server/store/postgres_schema.hpp"

#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sluice::store {

namespace {

// Times are milliseconds since 1970, hours count from there, money is in billionths of a dollar. The lines of a call
// (calls, raises, settlements, adjustments) are only ever added; the rest is derived from them, in the transaction that
// adds them, and `sluice ledger verify` compares. Sums have a row for each process that settles: replicas never wait
// for each other, and what a lost one had used is known.
constexpr std::array ledger_tables{
    R"sql(CREATE TABLE sluice_calls(
    epoch bigint NOT NULL, number bigint NOT NULL, at bigint NOT NULL,
    request_id text NOT NULL, attempt integer NOT NULL,
    key text NOT NULL, team text NOT NULL,
    tags text NOT NULL,                 -- one "name=value" per line
    "user" text NOT NULL, model text NOT NULL, provider text NOT NULL, target_model text NOT NULL,
    credential text NOT NULL,
    reserved bigint NOT NULL,
    PRIMARY KEY(epoch, number)))sql",
    "CREATE INDEX sluice_calls_at ON sluice_calls(at)",
    R"sql(CREATE TABLE sluice_raises(
    epoch bigint NOT NULL, number bigint NOT NULL, at bigint NOT NULL, amount bigint NOT NULL,
    PRIMARY KEY(epoch, number, amount)))sql",
    R"sql(CREATE TABLE sluice_settlements(
    epoch bigint NOT NULL, number bigint NOT NULL, at bigint NOT NULL,
    cost bigint NOT NULL, sheet_cost bigint, reported_cost bigint,
    input bigint NOT NULL, output bigint NOT NULL, cached_input bigint NOT NULL, cache_write bigint NOT NULL,
    reasoning bigint NOT NULL, audio_input bigint NOT NULL, audio_output bigint NOT NULL, source text NOT NULL,
    result text NOT NULL, upstream_status integer NOT NULL, requests bigint NOT NULL,
    uncertain boolean NOT NULL, unpriced boolean NOT NULL,
    over boolean NOT NULL,              -- it cost more than was reserved
    recovered boolean NOT NULL,         -- its process had gone: settled for what was reserved
    PRIMARY KEY(epoch, number)))sql",
    "CREATE INDEX sluice_settlements_at ON sluice_settlements(at)",
    R"sql(CREATE TABLE sluice_adjustments(
    epoch bigint NOT NULL, number bigint NOT NULL,
    line bigint NOT NULL,               -- 0: the settlement of a recovered call came after all
    at bigint NOT NULL, amount bigint NOT NULL, tokens bigint NOT NULL, why text NOT NULL,
    PRIMARY KEY(epoch, number, line)))sql",
    "CREATE INDEX sluice_adjustments_at ON sluice_adjustments(at)",
    R"sql(CREATE TABLE sluice_open_calls(
    epoch bigint NOT NULL, number bigint NOT NULL, reserved bigint NOT NULL, PRIMARY KEY(epoch, number))
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000))sql",
    R"sql(CREATE TABLE sluice_sums(
    kind text NOT NULL, name text NOT NULL, hour bigint NOT NULL, epoch bigint NOT NULL,
    money bigint NOT NULL, requests bigint NOT NULL, tokens bigint NOT NULL,
    PRIMARY KEY(kind, name, hour, epoch)) WITH (fillfactor = 70))sql",
    // What the lines that are no longer kept add up to.
    R"sql(CREATE TABLE sluice_forgotten(
    kind text NOT NULL, name text NOT NULL, hour bigint NOT NULL,
    money bigint NOT NULL, requests bigint NOT NULL, tokens bigint NOT NULL,
    calls bigint NOT NULL, failed bigint NOT NULL, estimated bigint NOT NULL, sheet_cost bigint NOT NULL,
    input bigint NOT NULL, output bigint NOT NULL, cached_input bigint NOT NULL, cache_write bigint NOT NULL,
    reasoning bigint NOT NULL, audio_input bigint NOT NULL, audio_output bigint NOT NULL,
    PRIMARY KEY(kind, name, hour)))sql",
    R"sql(CREATE TABLE sluice_processes(
    epoch bigint PRIMARY KEY,
    seen bigint NOT NULL,               -- by the server's clock
    since bigint NOT NULL,              -- seen without a gap since then
    gone boolean NOT NULL))sql",  // others have settled its open calls
    R"sql(CREATE TABLE sluice_epochs(
    epoch bigint PRIMARY KEY, calls bigint NOT NULL, settled bigint NOT NULL, answered bigint NOT NULL,
    forgotten bigint NOT NULL           -- calls whose lines are no longer kept
    ))sql",
    // The same payers as charges.hpp finds; a test compares.
    R"sql(CREATE VIEW sluice_payers AS
    SELECT c.epoch, c.number, p.kind, p.name FROM sluice_calls c CROSS JOIN LATERAL (
        SELECT 'key' AS kind, c.key AS name UNION ALL SELECT 'team', c.team
        UNION ALL SELECT 'tag', t.line FROM string_to_table(c.tags, E'\n') AS t(line)
        UNION ALL SELECT 'user', c."user" UNION ALL SELECT 'model', c.model
        UNION ALL SELECT 'provider', c.provider UNION ALL SELECT 'target', c.provider || '/' || c.target_model
    ) p WHERE p.name <> '')sql",
    // Each settlement and adjustment with what it adds to the sums.
    R"sql(CREATE VIEW sluice_charges AS
    SELECT epoch, number, at, cost AS money, requests, input + output AS tokens FROM sluice_settlements
    UNION ALL SELECT epoch, number, at, amount, 0, tokens FROM sluice_adjustments)sql",
};

constexpr std::array key_tables{
    R"sql(CREATE TABLE sluice_keys(
    id text PRIMARY KEY, name text NOT NULL UNIQUE, prefix text NOT NULL, sha256 text NOT NULL UNIQUE,
    settings text NOT NULL, created bigint NOT NULL, expires bigint, disabled boolean NOT NULL,
    replaces text NOT NULL))sql",
    "CREATE TABLE sluice_teams(name text PRIMARY KEY, settings text NOT NULL, created bigint NOT NULL)",
    "CREATE TABLE sluice_key_changes(count bigint NOT NULL)",
    "INSERT INTO sluice_key_changes VALUES(0)",
};

/// Step n leads from version n to version n + 1. A step that has been released is never changed.
constexpr std::array<std::span<char const* const>, 2> steps{ledger_tables, key_tables};

constexpr char const* migration_lock = "SELECT pg_advisory_xact_lock(8314037166493301)";  // any fixed number
constexpr std::chrono::milliseconds migration_time{60'000};

Error unusable(std::string detail) { return Error{.kind = ErrorKind::ledger_unavailable, .detail = std::move(detail)}; }

Result<std::size_t> found_version(Postgres& database) {
    SLUICE_TRY(auto const table, database.run({.sql = "SELECT to_regclass('sluice_schema') IS NOT NULL"}));
    if (table.number(0, 0) == 0) return 0;
    SLUICE_TRY(auto const rows, database.run({.sql = "SELECT coalesce(max(version), 0) FROM sluice_schema"}));
    return static_cast<std::size_t>(rows.number(0, 0));
}

/// Inside a transaction.
Result<> migrate(Postgres& database) {
    SLUICE_CHECK(database.run({.sql = migration_lock}, migration_time));
    SLUICE_CHECK(database.run({.sql = "CREATE TABLE IF NOT EXISTS sluice_schema(version bigint PRIMARY KEY)"}));
    SLUICE_TRY(auto const found, found_version(database));  // another replica may have been first
    std::vector<PostgresStatement> missing;
    for (auto version = found; version < steps.size(); ++version) {
        for (char const* const sql : steps.at(version)) missing.push_back({.sql = sql});
        missing.push_back({.sql = "INSERT INTO sluice_schema VALUES($1)", .parameters = {std::to_string(version + 1)}});
    }
    missing.push_back({.sql = "COMMIT"});
    SLUICE_CHECK(database.run_all(missing, migration_time));
    return {};
}

}  // namespace

Result<> prepare_schema(Postgres& database, OpenedBy opener) {
    SLUICE_TRY(auto const version, found_version(database));
    if (version == steps.size()) return {};
    auto const found = "the database has version " + std::to_string(version);
    auto const ours = std::to_string(steps.size());
    if (version > steps.size()) {
        return std::unexpected(unusable(found + ", written by a newer sluice; this one knows versions up to " + ours));
    }
    if (opener == OpenedBy::command) {
        return std::unexpected(
            unusable(found + ", this sluice needs " + ours + "; the gateway brings it there when it starts"));
    }
    SLUICE_CHECK(database.run({.sql = "BEGIN"}));
    auto const done = migrate(database);
    if (!done) database.close();  // and with it what was begun
    return done;
}

Result<Postgres*> PostgresTables::use(std::unique_lock<std::mutex>& lock) {
    lock = std::unique_lock(mutex_);
    if (!prepared_) {
        SLUICE_CHECK(prepare_schema(*database_, opener_));
        prepared_ = true;
    }
    return database_.get();
}

}  // namespace sluice::store

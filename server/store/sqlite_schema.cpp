#include "server/store/sqlite_schema.hpp"

#include <array>
#include <string>

namespace sluice::store::sqlite {
namespace {

// Key columns come first: SQLite 3.40's integrity_check sees NULLs that are not there where they don't.
// Times are milliseconds since 1970, hours count from there, money is in billionths of a dollar. The lines of a call
// (calls, raises, settlements, adjustments) are only ever added; the rest is derived from them, in the transaction
// that adds them, and `sluice ledger verify` compares.
constexpr char const* ledger_tables = R"sql(
CREATE TABLE calls(
    epoch INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
    request_id TEXT NOT NULL, attempt INTEGER NOT NULL,
    key TEXT NOT NULL, team TEXT NOT NULL,
    tags TEXT NOT NULL,                  -- one "name=value" per line
    user TEXT NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL, target_model TEXT NOT NULL, credential TEXT NOT NULL,
    reserved INTEGER NOT NULL,
    PRIMARY KEY(epoch, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE raises(
    epoch INTEGER NOT NULL, number INTEGER NOT NULL, amount INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY(epoch, number, amount)
) STRICT, WITHOUT ROWID;
CREATE TABLE settlements(
    epoch INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL,
    cost INTEGER NOT NULL, sheet_cost INTEGER, reported_cost INTEGER,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cached_input INTEGER NOT NULL, cache_write INTEGER NOT NULL,
    reasoning INTEGER NOT NULL, audio_input INTEGER NOT NULL, audio_output INTEGER NOT NULL, source TEXT NOT NULL,
    result TEXT NOT NULL, upstream_status INTEGER NOT NULL, requests INTEGER NOT NULL,
    uncertain INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    over INTEGER NOT NULL,               -- it cost more than was reserved
    recovered INTEGER NOT NULL,          -- its process had gone: settled for what was reserved
    PRIMARY KEY(epoch, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX settlements_at ON settlements(at);
CREATE TABLE adjustments(
    epoch INTEGER NOT NULL, number INTEGER NOT NULL,
    line INTEGER NOT NULL,               -- 0: the settlement of a recovered call came after all
    at INTEGER NOT NULL, amount INTEGER NOT NULL, tokens INTEGER NOT NULL, why TEXT NOT NULL,
    PRIMARY KEY(epoch, number, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX adjustments_at ON adjustments(at);
CREATE TABLE open_calls(
    epoch INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(epoch, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE sums(
    hour INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    money INTEGER NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
    PRIMARY KEY(hour, kind, name)
) STRICT, WITHOUT ROWID;
-- What the lines that are no longer kept add up to.
CREATE TABLE forgotten(
    hour INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    money INTEGER NOT NULL, requests INTEGER NOT NULL, tokens INTEGER NOT NULL,
    calls INTEGER NOT NULL, failed INTEGER NOT NULL, estimated INTEGER NOT NULL, sheet_cost INTEGER NOT NULL,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cached_input INTEGER NOT NULL, cache_write INTEGER NOT NULL,
    reasoning INTEGER NOT NULL, audio_input INTEGER NOT NULL, audio_output INTEGER NOT NULL,
    PRIMARY KEY(hour, kind, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE epochs(
    epoch INTEGER PRIMARY KEY, calls INTEGER NOT NULL, settled INTEGER NOT NULL, answered INTEGER NOT NULL,
    forgotten INTEGER NOT NULL           -- calls whose lines are no longer kept
) STRICT;
CREATE TABLE processes(
    epoch INTEGER PRIMARY KEY, seen INTEGER NOT NULL,
    pid INTEGER NOT NULL, started INTEGER NOT NULL, boot TEXT NOT NULL, pid_space TEXT NOT NULL
) STRICT;
)sql";

constexpr char const* key_tables = R"sql(
CREATE TABLE keys(
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL, sha256 TEXT NOT NULL UNIQUE,
    settings TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER, disabled INTEGER NOT NULL, replaces TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE teams(
    name TEXT PRIMARY KEY, settings TEXT NOT NULL, created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE key_changes(count INTEGER NOT NULL) STRICT;
INSERT INTO key_changes VALUES(0);
)sql";

/// Step n leads from version n to version n + 1. A step that has been released is never changed.
constexpr std::array steps{ledger_tables, key_tables};

constexpr char const* version_table =
    "CREATE TABLE IF NOT EXISTS schema_version(version INTEGER PRIMARY KEY, at INTEGER NOT NULL) STRICT";

Error unusable(std::string detail) { return Error{.kind = ErrorKind::ledger_unavailable, .detail = std::move(detail)}; }

Result<std::int64_t> version_of(Database& database) {
    SLUICE_TRY(auto const table, database.integer("SELECT 1 FROM sqlite_schema WHERE name = 'schema_version'"));
    if (!table) return 0;
    SLUICE_TRY(auto const version, database.integer("SELECT max(version) FROM schema_version"));
    return version.value_or(0);
}

Result<> migrate(Database& database, WallTime now) {
    SLUICE_TRY(auto transaction, Transaction::begin(database));
    SLUICE_CHECK(database.run(version_table));
    SLUICE_TRY(auto const found, version_of(database));  // another process may have been first
    for (auto version = found; version < schema_version(); ++version) {
        SLUICE_CHECK(database.run(steps.at(static_cast<std::size_t>(version))));
        SLUICE_TRY(auto line, database.prepare("INSERT INTO schema_version VALUES(?1, ?2)"));
        SLUICE_CHECK(line.bind(version + 1, now).run());
    }
    return transaction.commit();
}

}  // namespace

std::int64_t schema_version() { return static_cast<std::int64_t>(steps.size()); }

Result<> prepare_schema(Database& database, Opening how, WallTime now) {
    SLUICE_TRY(auto const version, version_of(database));
    if (version == schema_version()) return {};
    auto const found = std::to_string(version);
    auto const ours = std::to_string(schema_version());
    if (version > schema_version()) {
        return std::unexpected(unusable("the database has version " + found + ", written by a newer sluice; this one " +
                                        "knows versions up to " + ours));
    }
    if (how == Opening::existing) {
        return std::unexpected(unusable("the database has version " + found + ", this sluice needs " + ours +
                                        "; the gateway brings it there when it starts"));
    }
    return migrate(database, now);
}

}  // namespace sluice::store::sqlite

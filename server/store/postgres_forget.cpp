#include <string>

#include "server/store/postgres_reports.hpp"

/// Corrections, and retention: single calls go, what they add up to stays.
namespace sluice::store {

namespace {

constexpr std::int64_t calls_at_once = 2'000;
constexpr std::chrono::milliseconds forget_time{60'000};

std::string number(std::int64_t value) { return std::to_string(value); }
std::string number(WallTime at) { return std::to_string(at.time_since_epoch().count()); }

constexpr char const* add_adjustment = R"sql(
WITH line AS (
    INSERT INTO sluice_adjustments
    SELECT s.epoch, s.number, 1 + coalesce((SELECT max(line) FROM sluice_adjustments a
        WHERE a.epoch = s.epoch AND a.number = s.number), 0), $3::bigint, $4::bigint, 0, $5::text
    FROM sluice_settlements s WHERE s.epoch = $1::bigint AND s.number = $2::bigint RETURNING *),
charged AS (
    INSERT INTO sluice_sums
    SELECT p.kind, p.name, l.at / 3600000, l.epoch, l.amount, 0, 0
    FROM line l JOIN sluice_payers p ON p.epoch = l.epoch AND p.number = l.number ORDER BY 1, 2, 3, 4
    ON CONFLICT (kind, name, hour, epoch) DO UPDATE SET money = sluice_sums.money + excluded.money)
SELECT count(*) FROM line)sql";

/// Their payers, and the empty names under which usage shows the calls of none.
constexpr char const* forget_calls = R"sql(
WITH old AS (
    SELECT s.*, c.key, c.team, c.tags, c."user", c.model, c.provider, c.target_model
    FROM sluice_settlements s JOIN sluice_calls c ON c.epoch = s.epoch AND c.number = s.number
    WHERE s.at < $1::bigint ORDER BY s.at LIMIT $2::bigint),
named AS (
    SELECT o.epoch, o.number, p.kind, p.name FROM old o CROSS JOIN LATERAL (
        SELECT 'key' AS kind, o.key AS name UNION ALL SELECT 'team', o.team UNION ALL SELECT 'user', o."user"
        UNION ALL SELECT 'model', o.model UNION ALL SELECT 'provider', o.provider
        UNION ALL SELECT 'target', o.provider || '/' || o.target_model
        UNION ALL SELECT 'tag', t.line FROM string_to_table(nullif(o.tags, ''), E'\n') AS t(line)) p),
figures AS (
    SELECT epoch, number, at / 3600000 AS hour, cost AS money, requests, input + output AS tokens, 1 AS calls,
        CASE WHEN result IN ('ok', 'cancelled') THEN 0 ELSE 1 END AS failed,
        CASE WHEN source = 'counted' THEN 1 ELSE 0 END AS estimated, coalesce(sheet_cost, 0) AS sheet_cost, input,
        output, cached_input, cache_write, reasoning, audio_input, audio_output FROM old
    UNION ALL
    SELECT a.epoch, a.number, a.at / 3600000, a.amount, 0, a.tokens, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    FROM sluice_adjustments a JOIN old o ON o.epoch = a.epoch AND o.number = a.number),
kept AS (
    INSERT INTO sluice_forgotten
    SELECT n.kind, n.name, f.hour, sum(f.money), sum(f.requests), sum(f.tokens), sum(f.calls), sum(f.failed),
        sum(f.estimated), sum(f.sheet_cost), sum(f.input), sum(f.output), sum(f.cached_input), sum(f.cache_write),
        sum(f.reasoning), sum(f.audio_input), sum(f.audio_output)
    FROM figures f JOIN named n ON n.epoch = f.epoch AND n.number = f.number
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (kind, name, hour) DO UPDATE SET money = sluice_forgotten.money + excluded.money,
        requests = sluice_forgotten.requests + excluded.requests, tokens = sluice_forgotten.tokens + excluded.tokens,
        calls = sluice_forgotten.calls + excluded.calls, failed = sluice_forgotten.failed + excluded.failed,
        estimated = sluice_forgotten.estimated + excluded.estimated,
        sheet_cost = sluice_forgotten.sheet_cost + excluded.sheet_cost,
        input = sluice_forgotten.input + excluded.input, output = sluice_forgotten.output + excluded.output,
        cached_input = sluice_forgotten.cached_input + excluded.cached_input,
        cache_write = sluice_forgotten.cache_write + excluded.cache_write,
        reasoning = sluice_forgotten.reasoning + excluded.reasoning,
        audio_input = sluice_forgotten.audio_input + excluded.audio_input,
        audio_output = sluice_forgotten.audio_output + excluded.audio_output),
counted AS (
    UPDATE sluice_epochs e SET forgotten = e.forgotten + o.calls
    FROM (SELECT epoch, count(*) AS calls FROM old GROUP BY epoch) o WHERE o.epoch = e.epoch),
raises AS (DELETE FROM sluice_raises r USING old o WHERE r.epoch = o.epoch AND r.number = o.number),
adjustments AS (DELETE FROM sluice_adjustments a USING old o WHERE a.epoch = o.epoch AND a.number = o.number),
settlements AS (DELETE FROM sluice_settlements s USING old o WHERE s.epoch = o.epoch AND s.number = o.number),
calls AS (DELETE FROM sluice_calls c USING old o WHERE c.epoch = o.epoch AND c.number = o.number)
SELECT count(*) FROM old)sql";

/// Any fixed number: replicas forget one at a time.
constexpr char const* forget_lock = "SELECT pg_try_advisory_xact_lock(8314037166493302)";

}  // namespace

Result<> PostgresReports::adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(
        auto const rows,
        database->run({.sql = add_adjustment,
                       .parameters = {number(id.epoch), number(id.number), number(now), number(amount.count), why}}));
    if (rows.number(0, 0) == 1) return {};
    return std::unexpected(Error{.kind = ErrorKind::invalid_value, .message = "no settled call has this id"});
}

Result<std::int64_t> PostgresReports::forget_some(Postgres& database, WallTime before) {
    SLUICE_CHECK(database.run({.sql = "BEGIN"}));
    SLUICE_TRY(auto const locked, database.run({.sql = forget_lock}));
    std::int64_t calls = 0;
    if (locked.number(0, 0) != 0) {
        SLUICE_TRY(
            auto const rows,
            database.run({.sql = forget_calls, .parameters = {number(before), number(calls_at_once)}}, forget_time));
        calls = rows.number(0, 0);
    }
    SLUICE_CHECK(database.run({.sql = "COMMIT"}));
    return calls;
}

Result<std::int64_t> PostgresReports::forget(WallTime before) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    std::int64_t calls = 0;
    for (;;) {
        auto const some = forget_some(*database, before);
        if (!some) {
            database->close();  // and with it the transaction
            return std::unexpected(some.error());
        }
        calls += *some;
        if (*some < calls_at_once) return calls;
    }
}

}  // namespace sluice::store

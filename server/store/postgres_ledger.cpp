#include "server/store/postgres_ledger.hpp"

#include <array>
#include <chrono>
#include <set>
#include <utility>

#include "server/store/charges.hpp"
#include "server/store/json_rows.hpp"

namespace sluice::store {

using std::chrono::milliseconds;

namespace {

// --- appending -------------------------------------------------------------------------------------------------------

constexpr char const* add_calls = R"sql(
WITH added AS (
    INSERT INTO sluice_calls SELECT * FROM json_to_recordset($1::json) AS r(
        epoch bigint, number bigint, at bigint, request_id text, attempt integer, key text, team text, tags text,
        "user" text, model text, provider text, target_model text, credential text, reserved bigint)
    ON CONFLICT DO NOTHING RETURNING epoch, number, reserved),
opened AS (INSERT INTO sluice_open_calls SELECT epoch, number, reserved FROM added)
INSERT INTO sluice_epochs SELECT epoch, count(*), 0, 0, 0 FROM added GROUP BY epoch ORDER BY epoch
ON CONFLICT (epoch) DO UPDATE SET calls = sluice_epochs.calls + excluded.calls)sql";

constexpr char const* add_raises = R"sql(
WITH added AS (
    INSERT INTO sluice_raises SELECT * FROM json_to_recordset($1::json) AS r(
        epoch bigint, number bigint, at bigint, amount bigint)
    ON CONFLICT DO NOTHING RETURNING epoch, number, amount)
UPDATE sluice_open_calls o SET reserved = r.amount
FROM (SELECT epoch, number, max(amount) AS amount FROM added GROUP BY epoch, number) r
WHERE o.epoch = r.epoch AND o.number = r.number AND o.reserved < r.amount)sql";

/// Settlements that came, and settlements assumed for a process that is gone: `ended` has the columns of the table
/// without `over`. Only what was really added counts in the sums, which are written in one order by everybody.
constexpr char const* settle_ended = R"sql(
added AS (
    INSERT INTO sluice_settlements
    SELECT e.epoch, e.number, e.at, e.cost, e.sheet_cost, e.reported_cost, e.input, e.output, e.cached_input,
        e.cache_write, e.reasoning, e.audio_input, e.audio_output, e.source, e.result, e.upstream_status, e.requests,
        e.uncertain, e.unpriced, coalesce(o.reserved > 0 AND e.cost > o.reserved, false), e.recovered
    FROM ended e LEFT JOIN sluice_open_calls o ON o.epoch = e.epoch AND o.number = e.number
    ON CONFLICT DO NOTHING RETURNING *),
closed AS (DELETE FROM sluice_open_calls o USING added a WHERE o.epoch = a.epoch AND o.number = a.number),
late AS (
    INSERT INTO sluice_adjustments
    SELECT e.epoch, e.number, 0, e.at, e.cost - s.cost, e.input + e.output - s.input - s.output,
        'settled after its process was taken for gone'
    FROM ended e JOIN sluice_settlements s ON s.epoch = e.epoch AND s.number = e.number
    WHERE s.recovered AND NOT e.recovered
    ON CONFLICT DO NOTHING RETURNING *),
counted AS (
    INSERT INTO sluice_epochs
    SELECT epoch, 0, count(*), count(*) FILTER (WHERE upstream_status BETWEEN 200 AND 299), 0
    FROM added GROUP BY epoch ORDER BY epoch
    ON CONFLICT (epoch) DO UPDATE SET settled = sluice_epochs.settled + excluded.settled,
        answered = sluice_epochs.answered + excluded.answered),
charges AS (
    SELECT epoch, number, at, cost AS money, requests, input + output AS tokens FROM added
    UNION ALL SELECT epoch, number, at, amount, 0, tokens FROM late),
charged AS (
    INSERT INTO sluice_sums
    SELECT p.kind, p.name, c.at / 3600000, c.epoch, sum(c.money), sum(c.requests), sum(c.tokens)
    FROM charges c JOIN sluice_payers p ON p.epoch = c.epoch AND p.number = c.number
    GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
    ON CONFLICT (kind, name, hour, epoch) DO UPDATE SET money = sluice_sums.money + excluded.money,
        requests = sluice_sums.requests + excluded.requests, tokens = sluice_sums.tokens + excluded.tokens)
SELECT count(*) FROM added)sql";

constexpr char const* settlements_that_came = R"sql(
WITH ended AS (
    SELECT *, false AS recovered FROM json_to_recordset($1::json) AS r(
        epoch bigint, number bigint, at bigint, cost bigint, sheet_cost bigint, reported_cost bigint, input bigint,
        output bigint, cached_input bigint, cache_write bigint, reasoning bigint, audio_input bigint,
        audio_output bigint, source text, result text, upstream_status integer, requests bigint, uncertain boolean,
        unpriced boolean)),)sql";

constexpr char const* settlements_of_a_process_that_is_gone = R"sql(
WITH ended AS (
    SELECT o.epoch, o.number, $2::bigint AS at, o.reserved AS cost, NULL::bigint AS sheet_cost,
        NULL::bigint AS reported_cost, 0 AS input, 0 AS output, 0 AS cached_input, 0 AS cache_write, 0 AS reasoning,
        0 AS audio_input, 0 AS audio_output, 'none' AS source, 'cancelled' AS result, 0 AS upstream_status,
        CASE WHEN c.attempt = 1 THEN 1 ELSE 0 END AS requests, true AS uncertain, false AS unpriced, true AS recovered
    FROM sluice_open_calls o JOIN sluice_calls c ON c.epoch = o.epoch AND c.number = o.number
    WHERE o.epoch = $1::bigint),)sql";

/// The lines of one batch, by their tables.
struct Batch {
    JsonRows calls{};
    JsonRows raises{};
    JsonRows settlements{};
    std::set<std::int64_t> epochs{};

    JsonRows& row(JsonRows& rows, CallId id, WallTime at) {
        epochs.insert(id.epoch);
        rows.begin_row();
        return rows.add("epoch", id.epoch).add("number", id.number).add("at", at);
    }

    void operator()(Reserve const& event) {
        auto const& call = event.call;
        row(calls, event.id, call.at)
            .add("request_id", call.request_id)
            .add("attempt", std::int64_t{call.attempt})
            .add("key", call.key)
            .add("team", call.team)
            .add("tags", tag_lines(call.tags))
            .add("user", call.user)
            .add("model", call.model)
            .add("provider", call.provider)
            .add("target_model", call.target_model)
            .add("credential", call.credential)
            .add("reserved", call.amount);
    }

    void operator()(Raise const& event) { row(raises, event.id, event.at).add("amount", event.amount); }

    void operator()(Settle const& event) {
        auto const& end = event.end;
        auto const& usage = end.usage;
        row(settlements, event.id, end.at)
            .add("cost", end.cost)
            .add("sheet_cost", end.sheet_cost)
            .add("reported_cost", usage.reported_cost)
            .add("input", usage.input)
            .add("output", usage.output)
            .add("cached_input", usage.cached_input)
            .add("cache_write", usage.cache_write)
            .add("reasoning", usage.reasoning)
            .add("audio_input", usage.audio_input)
            .add("audio_output", usage.audio_output)
            .add("source", to_string(usage.source))
            .add("result", to_string(end.result))
            .add("upstream_status", std::int64_t{end.upstream_status})
            .add("requests", event.requests)
            .add_flag("uncertain", end.uncertain)
            .add_flag("unpriced", end.unpriced);
    }
};

std::string number(std::int64_t value) { return std::to_string(value); }
std::string number(WallTime at) { return std::to_string(at.time_since_epoch().count()); }

}  // namespace

Result<> PostgresLedger::append(std::span<LedgerEvent const> events) {
    if (events.empty()) return {};
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    Batch batch;
    for (auto const& event : events) std::visit(batch, event);
    std::string const settle = std::string(settlements_that_came) + settle_ended;
    std::vector<PostgresStatement> statements;
    statements.reserve(batch.epochs.size() + 3);
    // Against recover(), which takes the same locks alone: a call is settled by one of both, and each sees what the
    // other did.
    for (auto const epoch : batch.epochs)
        statements.push_back({.sql = "SELECT pg_advisory_xact_lock_shared($1)", .parameters = {number(epoch)}});
    if (!batch.calls.empty()) statements.push_back({.sql = add_calls, .parameters = {batch.calls.take()}});
    if (!batch.raises.empty()) statements.push_back({.sql = add_raises, .parameters = {batch.raises.take()}});
    if (!batch.settlements.empty())
        statements.push_back({.sql = settle.c_str(), .parameters = {batch.settlements.take()}});
    SLUICE_CHECK(database->run_all(statements));
    return {};
}

// --- processes -------------------------------------------------------------------------------------------------------

namespace {

/// The server's clock, in milliseconds since 1970.
constexpr char const* beat = R"sql(
WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
INSERT INTO sluice_processes SELECT $1::bigint, now, now, false FROM clock
ON CONFLICT (epoch) DO UPDATE SET seen = excluded.seen, gone = false,
    since = CASE WHEN excluded.seen - sluice_processes.seen > 3000 THEN excluded.seen
                 ELSE sluice_processes.since END)sql";

constexpr char const* end_of_process = "UPDATE sluice_processes SET seen = 0 WHERE epoch = $1";

/// Who has open calls and was not seen for so long, if the one who asks was.
constexpr char const* find_gone = R"sql(
WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
SELECT o.epoch FROM (SELECT DISTINCT epoch FROM sluice_open_calls) o
CROSS JOIN clock LEFT JOIN sluice_processes p ON p.epoch = o.epoch
WHERE o.epoch <> $1 AND (p.seen IS NULL OR p.seen <= clock.now - $2::bigint)
  AND ($2::bigint = 0 OR p.seen = 0
       OR EXISTS (SELECT FROM sluice_processes m WHERE m.epoch = $1 AND m.since <= clock.now - $2::bigint))
ORDER BY o.epoch)sql";

/// The same of those without open calls: nothing is to be settled.
constexpr char const* mark_idle_gone = R"sql(
WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now)
UPDATE sluice_processes p SET gone = true FROM clock
WHERE p.epoch <> $1 AND NOT p.gone AND p.seen <= clock.now - $2::bigint
  AND NOT EXISTS (SELECT FROM sluice_open_calls o WHERE o.epoch = p.epoch)
  AND ($2::bigint = 0 OR p.seen = 0
       OR EXISTS (SELECT FROM sluice_processes m WHERE m.epoch = $1 AND m.since <= clock.now - $2::bigint)))sql";

constexpr char const* count_others = R"sql(
SELECT count(*) FROM sluice_processes
WHERE epoch <> $1 AND seen > (extract(epoch FROM clock_timestamp()) * 1000)::bigint - 10000)sql";

constexpr char const* mark_gone = R"sql(
INSERT INTO sluice_processes VALUES($1, 0, 0, true) ON CONFLICT (epoch) DO UPDATE SET gone = true)sql";

}  // namespace

Result<> PostgresLedger::heartbeat(std::int64_t epoch, WallTime now) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_CHECK(database->run({.sql = now == WallTime{} ? end_of_process : beat, .parameters = {number(epoch)}}));
    return {};
}

Result<std::int64_t> PostgresLedger::recover(std::int64_t mine, WallTime now, milliseconds alive_within) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto const gone,
               database->run({.sql = find_gone, .parameters = {number(mine), number(alive_within.count())}}));
    std::int64_t settled = 0;
    for (int row = 0; row < gone.size(); ++row) {
        auto const recovered = recover_process(*database, gone.number(row, 0), now);
        if (!recovered) {
            database->close();  // and with it the transaction
            return std::unexpected(recovered.error());
        }
        settled += *recovered;
    }
    SLUICE_CHECK(database->run({.sql = mark_idle_gone, .parameters = {number(mine), number(alive_within.count())}}));
    return settled;
}

/// Of several replicas one gets the lock; the others find nothing to do later.
Result<std::int64_t> PostgresLedger::recover_process(Postgres& database, std::int64_t epoch, WallTime now) {
    SLUICE_CHECK(database.run({.sql = "BEGIN"}));
    SLUICE_TRY(auto const lock,
               database.run({.sql = "SELECT pg_try_advisory_xact_lock($1)", .parameters = {number(epoch)}}));
    std::int64_t settled = 0;
    if (lock.number(0, 0) != 0) {
        std::string const settle = std::string(settlements_of_a_process_that_is_gone) + settle_ended;
        SLUICE_TRY(auto const done, database.run({.sql = settle.c_str(), .parameters = {number(epoch), number(now)}}));
        SLUICE_CHECK(database.run({.sql = mark_gone, .parameters = {number(epoch)}}));
        settled = done.number(0, 0);
    }
    SLUICE_CHECK(database.run({.sql = "COMMIT"}));
    return settled;
}

Result<bool> PostgresLedger::is_alone(std::int64_t epoch) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto const rows, database->run({.sql = count_others, .parameters = {number(epoch)}}));
    return rows.number(0, 0) == 0;
}

Result<EpochCounts> PostgresLedger::counts(std::int64_t epoch) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto const rows,
               database->run({.sql = "SELECT calls, settled, answered FROM sluice_epochs WHERE epoch = $1",
                              .parameters = {number(epoch)}}));
    if (rows.size() == 0) return EpochCounts{};
    return EpochCounts{.calls = rows.number(0, 0), .settled = rows.number(0, 1), .answered = rows.number(0, 2)};
}

// --- what was used ---------------------------------------------------------------------------------------------------

namespace {

constexpr milliseconds report_time{60'000};

constexpr char const* read_sums = R"sql(
SELECT kind, name, max(hour), sum(money)::bigint, sum(requests)::bigint, sum(tokens)::bigint
FROM sluice_sums WHERE hour < $1 GROUP BY kind, name
UNION ALL
SELECT kind, name, hour, sum(money)::bigint, sum(requests)::bigint, sum(tokens)::bigint
FROM sluice_sums WHERE hour >= $1 GROUP BY kind, name, hour ORDER BY 3, 1, 2)sql";

constexpr char const* read_held = R"sql(
SELECT p.kind, p.name, $2::bigint, sum(o.reserved)::bigint, count(*) FILTER (WHERE c.attempt = 1), 0
FROM sluice_open_calls o JOIN sluice_calls c ON c.epoch = o.epoch AND c.number = o.number
JOIN sluice_payers p ON p.epoch = o.epoch AND p.number = o.number
WHERE o.epoch <> $1 GROUP BY p.kind, p.name)sql";

/// From a whole hour on the sums tell; otherwise the lines do.
constexpr char const* read_uses = R"sql(
WITH question AS (SELECT * FROM json_to_recordset($1::json) AS q(place integer, kind text, name text, since bigint)),
used AS (
    SELECT q.place, s.epoch, s.money, s.requests, s.tokens, 0 AS held, 0 AS held_requests
    FROM question q JOIN sluice_sums s ON s.kind = q.kind AND s.name = q.name AND s.hour >= q.since / 3600000
    WHERE q.since % 3600000 = 0
    UNION ALL
    SELECT q.place, c.epoch, c.money, c.requests, c.tokens, 0, 0
    FROM question q JOIN sluice_charges c ON c.at >= q.since
    JOIN sluice_payers p ON p.epoch = c.epoch AND p.number = c.number AND p.kind = q.kind AND p.name = q.name
    WHERE q.since % 3600000 <> 0
    UNION ALL
    SELECT q.place, o.epoch, 0, 0, 0, o.reserved, CASE WHEN c.attempt = 1 THEN 1 ELSE 0 END
    FROM sluice_open_calls o JOIN sluice_calls c ON c.epoch = o.epoch AND c.number = o.number
    JOIN sluice_payers p ON p.epoch = o.epoch AND p.number = o.number
    JOIN question q ON q.kind = p.kind AND q.name = p.name)
SELECT u.place, u.epoch, coalesce(bool_or(p.gone), false), sum(money)::bigint, sum(requests)::bigint,
    sum(tokens)::bigint, sum(held)::bigint, sum(held_requests)::bigint
FROM used u LEFT JOIN sluice_processes p ON p.epoch = u.epoch
WHERE $2::bigint IS NULL OR u.epoch = $2
GROUP BY u.place, u.epoch)sql";

Amounts amounts(std::int64_t money, std::int64_t requests, std::int64_t tokens) {
    Amounts used;
    used[Resource::money] = money;
    used[Resource::requests] = requests;
    used[Resource::tokens] = tokens;
    return used;
}

std::vector<HourSum> hour_sums(PostgresRows const& rows) {
    std::vector<HourSum> sums;
    sums.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row) {
        auto const kind = read_payer_kind(rows.text(row, 0));
        if (!kind) continue;
        sums.push_back({.payer = {*kind, std::string(rows.text(row, 1))},
                        .hour = beginning_of(rows.number(row, 2)),
                        .used = amounts(rows.number(row, 3), rows.number(row, 4), rows.number(row, 5))});
    }
    return sums;
}

}  // namespace

Result<std::vector<HourSum>> PostgresLedger::sums(WallTime since) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    auto const first = std::chrono::ceil<std::chrono::hours>(since).time_since_epoch().count();
    SLUICE_TRY(auto const rows, database->run({.sql = read_sums, .parameters = {number(first)}}, report_time));
    return hour_sums(rows);
}

Result<std::vector<HourSum>> PostgresLedger::held_by_others(std::int64_t mine, WallTime now) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    auto const hour = std::chrono::floor<std::chrono::hours>(now).time_since_epoch().count();
    SLUICE_TRY(auto const rows,
               database->run({.sql = read_held, .parameters = {number(mine), number(hour)}}, report_time));
    return hour_sums(rows);
}

Result<std::vector<ProcessUse>> PostgresLedger::uses(std::span<UseQuestion const> questions,
                                                     std::optional<std::int64_t> epoch) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    JsonRows asked;
    for (std::size_t place = 0; place < questions.size(); ++place) {
        asked.begin_row();
        asked.add("place", static_cast<std::int64_t>(place))
            .add("kind", to_text(questions[place].payer.kind))
            .add("name", questions[place].payer.name)
            .add("since", questions[place].since);
    }
    std::optional<std::string> only;
    if (epoch) only = number(*epoch);
    SLUICE_TRY(auto const rows, database->run({.sql = read_uses, .parameters = {asked.take(), only}}));
    std::vector<ProcessUse> uses;
    uses.reserve(static_cast<std::size_t>(rows.size()));
    for (int row = 0; row < rows.size(); ++row)
        uses.push_back({.question = static_cast<std::size_t>(rows.number(row, 0)),
                        .epoch = rows.number(row, 1),
                        .gone = rows.number(row, 2) != 0,
                        .settled = amounts(rows.number(row, 3), rows.number(row, 4), rows.number(row, 5)),
                        .open = amounts(rows.number(row, 6), rows.number(row, 7), 0)});
    return uses;
}

}  // namespace sluice::store

#include <array>
#include <string>
#include <vector>

#include "server/store/postgres_reports.hpp"

/// The sums are what the lines add up to, and the lines fit together.
namespace sluice::store {

namespace {

constexpr std::chrono::milliseconds verify_time{600'000};

/// Each a list of faults, one sentence a row.
constexpr std::array<char const*, 6> checks{
    R"sql(SELECT 'call ' || c.epoch || '/' || c.number || CASE
        WHEN s.epoch IS NULL THEN ' is neither settled nor open'
        ELSE ' is settled, and still among the open ones' END
    FROM sluice_calls c LEFT JOIN sluice_settlements s ON s.epoch = c.epoch AND s.number = c.number
    LEFT JOIN sluice_open_calls o ON o.epoch = c.epoch AND o.number = c.number
    WHERE (s.epoch IS NULL) = (o.epoch IS NULL) LIMIT 100)sql",

    R"sql(SELECT 'call ' || c.epoch || '/' || c.number || ' cost ' || s.cost || ' nano-dollars of ' || r.reserved ||
        ' reserved, and is not marked so'
    FROM sluice_settlements s JOIN sluice_calls c ON c.epoch = s.epoch AND c.number = s.number
    CROSS JOIN LATERAL (SELECT greatest(c.reserved, max(amount)) AS reserved FROM sluice_raises r
        WHERE r.epoch = c.epoch AND r.number = c.number) r
    WHERE r.reserved > 0 AND s.cost > r.reserved AND NOT s.over LIMIT 100)sql",

    R"sql(SELECT 'open call ' || c.epoch || '/' || c.number || ' has ' || o.reserved ||
        ' nano-dollars reserved, its lines say ' || r.reserved
    FROM sluice_open_calls o JOIN sluice_calls c ON c.epoch = o.epoch AND c.number = o.number
    CROSS JOIN LATERAL (SELECT greatest(c.reserved, max(amount)) AS reserved FROM sluice_raises r
        WHERE r.epoch = c.epoch AND r.number = c.number) r
    WHERE o.reserved <> r.reserved LIMIT 100)sql",

    R"sql(SELECT 'the ' || x.what || ' of call ' || x.epoch || '/' || x.number || ' has no reservation' FROM (
        SELECT 'settlement' AS what, epoch, number FROM sluice_settlements
        UNION ALL SELECT 'raise', epoch, number FROM sluice_raises
        UNION ALL SELECT 'adjustment', epoch, number FROM sluice_adjustments
        UNION ALL SELECT 'open call', epoch, number FROM sluice_open_calls) x
    WHERE NOT EXISTS (SELECT FROM sluice_calls c WHERE c.epoch = x.epoch AND c.number = x.number) LIMIT 100)sql",

    R"sql(WITH lines AS (
        SELECT kind, name, hour, sum(money) AS money, sum(requests) AS requests, sum(tokens) AS tokens FROM (
            SELECT p.kind, p.name, c.at / 3600000 AS hour, c.money, c.requests, c.tokens
            FROM sluice_charges c JOIN sluice_payers p ON p.epoch = c.epoch AND p.number = c.number
            UNION ALL SELECT kind, name, hour, money, requests, tokens FROM sluice_forgotten WHERE name <> '') l
        GROUP BY kind, name, hour),
    kept AS (
        SELECT kind, name, hour, sum(money) AS money, sum(requests) AS requests, sum(tokens) AS tokens
        FROM sluice_sums GROUP BY kind, name, hour)
    SELECT 'hour ' || coalesce(k.hour, l.hour) || ' of ' || coalesce(k.kind, l.kind) || ' ' ||
        coalesce(k.name, l.name) || ': the sum says ' || coalesce(k.money, 0) || ' nano-dollars, ' ||
        coalesce(k.requests, 0) || ' requests, ' || coalesce(k.tokens, 0) || ' tokens, the lines say ' ||
        coalesce(l.money, 0) || ', ' || coalesce(l.requests, 0) || ', ' || coalesce(l.tokens, 0)
    FROM kept k FULL JOIN lines l ON l.kind = k.kind AND l.name = k.name AND l.hour = k.hour
    WHERE (coalesce(k.money, 0), coalesce(k.requests, 0), coalesce(k.tokens, 0))
        <> (coalesce(l.money, 0), coalesce(l.requests, 0), coalesce(l.tokens, 0)) LIMIT 100)sql",

    R"sql(WITH lines AS (
        SELECT c.epoch, count(*) AS calls, count(s.epoch) AS settled,
            count(*) FILTER (WHERE s.upstream_status BETWEEN 200 AND 299) AS answered
        FROM sluice_calls c LEFT JOIN sluice_settlements s ON s.epoch = c.epoch AND s.number = c.number
        GROUP BY c.epoch)
    SELECT 'process ' || coalesce(e.epoch, l.epoch) || ' made ' || coalesce(e.calls, 0) || ' calls and settled ' ||
        coalesce(e.settled, 0) || '; there are lines of ' || coalesce(l.calls, 0) || ' and ' ||
        coalesce(l.settled, 0) || ', and ' || coalesce(e.forgotten, 0) || ' are not kept'
    FROM sluice_epochs e FULL JOIN lines l ON l.epoch = e.epoch
    WHERE coalesce(e.calls, 0) <> coalesce(l.calls, 0) + coalesce(e.forgotten, 0)
        OR coalesce(e.settled, 0) <> coalesce(l.settled, 0) + coalesce(e.forgotten, 0)
        OR (coalesce(e.forgotten, 0) = 0 AND coalesce(e.answered, 0) <> coalesce(l.answered, 0)) LIMIT 100)sql",
};

}  // namespace

Result<std::vector<LedgerFault>> PostgresReports::verify() {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    // All of one state, however much is written meanwhile.
    SLUICE_CHECK(database->run({.sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}));
    std::vector<PostgresStatement> statements;
    statements.reserve(checks.size());
    for (char const* const check : checks) statements.push_back({.sql = check});
    auto const answers = database->run_all(statements, verify_time);
    database->close();
    if (!answers) return std::unexpected(answers.error());
    std::vector<LedgerFault> faults;
    for (auto const& rows : *answers)
        for (int i = 0; i < rows.size(); ++i) faults.push_back({.what = std::string(rows.text(i, 0))});
    return faults;
}

}  // namespace sluice::store

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/store/charges.hpp"
#include "server/store/postgres_reports.hpp"
#include "server/store/usage_by.hpp"

/// Usage and export: what can be asked of the ledger.
namespace sluice::store {

using std::chrono::milliseconds;

namespace {

using By = UsageQuery::By;
using Rows = std::map<std::string, UsageRow>;

constexpr milliseconds report_time{120'000};

std::string number(WallTime at) { return std::to_string(at.time_since_epoch().count()); }

/// What names a row, of a call `c` whose line is of the time `at`; tags are joined as `t`.
std::string name_of(By by, std::string const& at) {
    if (by == By::tag) return "t.name";
    if (by == By::user) return "c.\"user\"";
    if (by == By::day) return "to_char(to_timestamp(" + at + " / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')";
    return std::string(usage_column(by));
}

/// Asks for calls whose line is within the query's time and names, summed by name.
class Selection {
public:
    Selection(Postgres& database, UsageQuery const& query)
        : database_(database), query_(query), end_(query.until == WallTime{} ? WallTime::max() : query.until) {}

    /// `figures`: columns behind the name; `from`: tables and joins, with calls as c; `at`: the line's time.
    Result<PostgresRows> of_lines(std::string const& figures, std::string const& from, std::string const& at) {
        std::string sql = "SELECT " + name_of(query_.by, at) + ", " + figures + " FROM " + from;
        if (query_.by == By::tag) sql += " CROSS JOIN LATERAL string_to_table(c.tags, E'\\n') AS t(name)";
        sql += " WHERE " + at + " >= $1 AND " + at + " < $2";
        std::vector<std::optional<std::string>> parameters{number(query_.since), number(end_)};
        for (auto const& [by, value] : query_.only) {
            parameters.emplace_back(value);
            auto const parameter = "$" + std::to_string(parameters.size());
            sql += by == By::tag ? " AND " + parameter + " = ANY(string_to_array(c.tags, E'\\n'))"
                                 : " AND " + name_of(by, at) + " = " + parameter;
        }
        sql += " GROUP BY 1";
        return database_.run({.sql = sql.c_str(), .parameters = std::move(parameters)}, report_time);
    }

    /// Calls whose lines are gone can be told apart by one name only.
    bool counts_forgotten() const {
        return query_.only.empty() || (query_.only.size() == 1 && query_.only.begin()->first == query_.by);
    }

    Result<PostgresRows> of_forgotten() {
        std::string const name =
            query_.by == By::day ? "to_char(to_timestamp(hour * 3600) AT TIME ZONE 'UTC', 'YYYY-MM-DD')" : "name";
        std::string const sql =
            "SELECT " + name +
            ", sum(calls)::bigint, sum(failed)::bigint, sum(estimated)::bigint, sum(money)::bigint, "
            "sum(sheet_cost)::bigint, sum(input)::bigint, sum(output)::bigint, sum(cached_input)::bigint, "
            "sum(cache_write)::bigint, sum(reasoning)::bigint, sum(audio_input)::bigint, sum(audio_output)::bigint, "
            "NULL FROM sluice_forgotten WHERE kind = $1 AND hour * 3600000 >= $2 AND hour * 3600000 < $3 GROUP BY 1";
        return database_.run(
            {.sql = sql.c_str(),
             .parameters = {std::string(to_text(usage_payer(query_.by))), number(query_.since), number(end_)}},
            report_time);
    }

private:
    Postgres& database_;
    UsageQuery const& query_;
    WallTime const end_;
};

constexpr char const* settled_figures =
    "count(*), count(*) FILTER (WHERE result NOT IN ('ok', 'cancelled')), count(*) FILTER (WHERE source = 'counted'), "
    "sum(cost)::bigint, sum(coalesce(sheet_cost, 0))::bigint, sum(input)::bigint, sum(output)::bigint, "
    "sum(cached_input)::bigint, sum(cache_write)::bigint, sum(reasoning)::bigint, sum(audio_input)::bigint, "
    "sum(audio_output)::bigint, sum(reported_cost)::bigint";

/// Of the columns above, behind the name.
void add_figures(Rows& rows, PostgresRows const& from) {
    for (int i = 0; i < from.size(); ++i) {
        auto& row = rows[std::string(from.text(i, 0))];
        row.calls += from.number(i, 1);
        row.failed += from.number(i, 2);
        row.estimated += from.number(i, 3);
        row.cost.count += from.number(i, 4);
        row.sheet_cost.count += from.number(i, 5);
        row.usage.input += from.number(i, 6);
        row.usage.output += from.number(i, 7);
        row.usage.cached_input += from.number(i, 8);
        row.usage.cache_write += from.number(i, 9);
        row.usage.reasoning += from.number(i, 10);
        row.usage.audio_input += from.number(i, 11);
        row.usage.audio_output += from.number(i, 12);
        if (from.is_null(i, 13)) continue;
        row.usage.reported_cost = NanoUsd{row.usage.reported_cost.value_or(NanoUsd{}).count + from.number(i, 13)};
    }
}

Result<Rows> collect(Postgres& database, UsageQuery const& query) {
    Rows rows;
    Selection selection(database, query);
    SLUICE_TRY(
        auto const settled,
        selection.of_lines(settled_figures, "sluice_settlements s JOIN sluice_calls c USING(epoch, number)", "s.at"));
    add_figures(rows, settled);
    SLUICE_TRY(auto const adjusted,
               selection.of_lines("sum(a.amount)::bigint",
                                  "sluice_adjustments a JOIN sluice_calls c USING(epoch, number)", "a.at"));
    for (int i = 0; i < adjusted.size(); ++i)
        rows[std::string(adjusted.text(i, 0))].cost.count += adjusted.number(i, 1);
    SLUICE_TRY(auto const open,
               selection.of_lines("count(*), sum(o.reserved)::bigint",
                                  "sluice_open_calls o JOIN sluice_calls c USING(epoch, number)", "c.at"));
    for (int i = 0; i < open.size(); ++i) {
        auto& row = rows[std::string(open.text(i, 0))];
        row.open += open.number(i, 1);
        row.reserved.count += open.number(i, 2);
    }
    if (!selection.counts_forgotten()) return rows;
    SLUICE_TRY(auto const forgotten, selection.of_forgotten());
    add_figures(rows, forgotten);
    return rows;
}

/// As SQLite's export, member by member; lists without the line breaks that json_agg makes.
constexpr char const* declare_export = R"sql(
DECLARE exported NO SCROLL CURSOR FOR
SELECT row_to_json(line)::text FROM (
    SELECT c.epoch || '/' || c.number AS id, c.at AS at_ms, c.request_id, c.attempt, c.key, c.team,
        array_to_json(string_to_array(nullif(c.tags, ''), E'\n')) AS tags, c."user", c.model, c.provider,
        c.target_model, c.credential, c.reserved AS reserved_nano_usd,
        (SELECT '[' || coalesce(string_agg(row_to_json(r)::text, ','), '') || ']' FROM (
            SELECT at AS at_ms, amount AS reserved_nano_usd FROM sluice_raises r
            WHERE r.epoch = c.epoch AND r.number = c.number ORDER BY amount) r)::json AS raises,
        (SELECT row_to_json(e) FROM (
            SELECT s.at AS at_ms, s.cost AS cost_nano_usd, s.sheet_cost AS sheet_cost_nano_usd,
                s.reported_cost AS reported_cost_nano_usd, s.input, s.output, s.cached_input, s.cache_write,
                s.reasoning, s.audio_input, s.audio_output, s.source AS usage_source, s.result, s.upstream_status,
                s.requests, s.uncertain, s.unpriced, s.over AS over_reserved, s.recovered
            WHERE s.epoch IS NOT NULL) e) AS settlement,
        (SELECT '[' || coalesce(string_agg(row_to_json(a)::text, ','), '') || ']' FROM (
            SELECT at AS at_ms, amount AS amount_nano_usd, tokens, why FROM sluice_adjustments a
            WHERE a.epoch = c.epoch AND a.number = c.number ORDER BY line) a)::json AS adjustments
    FROM sluice_calls c LEFT JOIN sluice_settlements s ON s.epoch = c.epoch AND s.number = c.number
    WHERE coalesce(s.at, c.at) >= $1::bigint AND coalesce(s.at, c.at) < $2::bigint
    ORDER BY s.at NULLS LAST, c.at, c.epoch, c.number
) line)sql";

Result<> hand_out(Postgres& database, std::function<bool(std::string const&)> const& take) {
    for (;;) {
        SLUICE_TRY(auto const rows, database.run({.sql = "FETCH 500 FROM exported"}, report_time));
        for (int i = 0; i < rows.size(); ++i)
            if (!take(std::string(rows.text(i, 0)))) return {};
        if (rows.size() == 0) return {};
    }
}

}  // namespace

Result<> PostgresReports::check() {
    std::unique_lock<std::mutex> lock;
    SLUICE_CHECK(tables_.use(lock));
    return {};
}

Result<std::vector<UsageRow>> PostgresReports::usage(UsageQuery const& query) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_TRY(auto rows, collect(*database, query));
    std::vector<UsageRow> out;
    for (auto& [name, row] : rows) {
        // A filter on one tag lets a call through with all its tags; of what is forgotten all names come.
        auto const only = query.only.find(query.by);
        if (only != query.only.end() && only->second != name) continue;
        row.name = name;
        out.push_back(std::move(row));
    }
    return out;
}

Result<> PostgresReports::export_calls(WallTime since, WallTime until,
                                       std::function<bool(std::string const& json_line)> const& take) {
    std::unique_lock<std::mutex> lock;
    SLUICE_TRY(Postgres* const database, tables_.use(lock));
    SLUICE_CHECK(database->run({.sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}));
    std::string sql = declare_export;  // a cursor takes no parameters
    for (auto const& [place, at] : {std::pair{"$1", since}, std::pair{"$2", until}})
        sql.replace(sql.find(place), 2, "'" + number(at) + "'");
    auto done = database->run({.sql = sql.c_str()}, report_time);
    auto handed = done ? hand_out(*database, take) : Result<>(std::unexpected(done.error()));
    database->close();  // and with it the transaction and its cursor
    return handed;
}

}  // namespace sluice::store

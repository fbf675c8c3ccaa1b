#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/store/sqlite_ledger.hpp"
#include "server/store/usage_by.hpp"

/// Usage and export: what can be asked of the ledger.
namespace sluice::store::sqlite {
namespace {

using By = UsageQuery::By;
using Rows = std::map<std::string, UsageRow>;

/// What names a row, of a call `c` whose line is of the time `at`.
std::string name_of(By by, std::string const& at) {
    if (by == By::tag) return "c.tags";
    if (by == By::user) return "c.user";
    if (by == By::day) return "strftime('%Y-%m-%d', " + at + " / 1000, 'unixepoch')";
    return std::string(usage_column(by));
}

/// One statement over calls: those whose line, of the time `at`, is within the query's time and names.
class Selection {
public:
    Selection(Database& database, UsageQuery const& query) : database_(database), query_(query) {}

    /// `figures`: columns behind the name; `from`: tables and joins, with calls as c.
    template <class Take>
    Result<> each(std::string const& figures, std::string const& from, std::string const& at, Take take) {
        std::string sql = "SELECT " + name_of(query_.by, at) + ", " + figures + " FROM " + from + " WHERE " + at +
                          " >= ?1 AND " + at + " < ?2";
        int position = 2;
        for (auto const& [by, value] : query_.only) {
            auto const parameter = "?" + std::to_string(++position);
            sql += by == By::tag
                       ? " AND instr(char(10) || c.tags || char(10), char(10) || " + parameter + " || char(10))"
                       : " AND " + name_of(by, at) + " = " + parameter;
        }
        SLUICE_TRY(auto rows, database_.prepare(sql + " GROUP BY 1"));
        rows.bind(query_.since, end());
        position = 2;
        for (auto const& [by, value] : query_.only) rows.bind_at(++position, std::string_view(value));
        return rows.for_each(take);
    }
    WallTime end() const { return query_.until == WallTime{} ? WallTime::max() : query_.until; }

private:
    Database& database_;
    UsageQuery const& query_;
};

/// The rows that a name stands for: of tags, one for each.
template <class Add>
void for_names(By by, std::string_view name, Add add) {
    if (by != By::tag) return add(std::string(name));
    for (auto rest = name; !rest.empty();) {
        auto const end = std::min(rest.find('\n'), rest.size());
        add(std::string(rest.substr(0, end)));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

constexpr char const* settled_figures =
    "count(*), sum(result NOT IN ('ok', 'cancelled')), sum(source = 'counted'), sum(cost), "
    "sum(coalesce(sheet_cost, 0)), sum(input), sum(output), sum(cached_input), sum(cache_write), sum(reasoning), "
    "sum(audio_input), sum(audio_output), sum(reported_cost)";

/// Of the columns above, behind the name.
void add_figures(UsageRow& row, Statement const& from) {
    row.calls += from.integer(1);
    row.failed += from.integer(2);
    row.estimated += from.integer(3);
    row.cost.count += from.integer(4);
    row.sheet_cost.count += from.integer(5);
    row.usage.input += from.integer(6);
    row.usage.output += from.integer(7);
    row.usage.cached_input += from.integer(8);
    row.usage.cache_write += from.integer(9);
    row.usage.reasoning += from.integer(10);
    row.usage.audio_input += from.integer(11);
    row.usage.audio_output += from.integer(12);
    if (auto const reported = from.maybe_integer(13)) {
        row.usage.reported_cost = NanoUsd{row.usage.reported_cost.value_or(NanoUsd{}).count + *reported};
    }
}

/// Calls whose lines are gone can be told apart by one name only.
bool forgotten_count(UsageQuery const& query) {
    return query.only.empty() || (query.only.size() == 1 && query.only.begin()->first == query.by);
}

Result<> add_forgotten(Database& database, UsageQuery const& query, WallTime end, Rows& rows) {
    if (!forgotten_count(query)) return {};
    std::string const name = query.by == By::day ? "date(hour * 3600, 'unixepoch')" : "name";
    std::string sql = "SELECT " + name +
                      " AS n, sum(calls), sum(failed), sum(estimated), sum(money), sum(sheet_cost), sum(input), "
                      "sum(output), sum(cached_input), sum(cache_write), sum(reasoning), sum(audio_input), "
                      "sum(audio_output), NULL FROM forgotten WHERE kind = ?1 AND hour * 3600000 >= ?2 AND "
                      "hour * 3600000 < ?3";
    if (!query.only.empty()) sql += " AND " + name + " = ?4";
    SLUICE_TRY(auto statement, database.prepare(sql + " GROUP BY n"));
    statement.bind(to_text(usage_payer(query.by)), query.since, end);
    if (!query.only.empty()) statement.bind_at(4, std::string_view(query.only.begin()->second));
    return statement.for_each([&rows](Statement const& row) { add_figures(rows[row.string(0)], row); });
}

constexpr char const* reserved_now =
    "max(c.reserved, coalesce((SELECT max(amount) FROM raises r WHERE r.epoch = c.epoch AND r.number = c.number), 0))";

Result<> collect(Database& database, UsageQuery const& query, Rows& rows) {
    Selection selection(database, query);
    auto const by = query.by;
    SLUICE_CHECK(selection.each(
        settled_figures, "settlements s JOIN calls c USING(epoch, number)", "s.at", [&rows, by](Statement const& row) {
            for_names(by, row.text(0), [&rows, &row](std::string const& name) { add_figures(rows[name], row); });
        }));
    SLUICE_CHECK(selection.each(
        "sum(a.amount)", "adjustments a JOIN calls c USING(epoch, number)", "a.at", [&rows, by](Statement const& row) {
            for_names(by, row.text(0),
                      [&rows, &row](std::string const& name) { rows[name].cost.count += row.integer(1); });
        }));
    SLUICE_CHECK(selection.each(std::string("count(*), sum(") + reserved_now + ")",
                                "open_calls o JOIN calls c USING(epoch, number)", "c.at",
                                [&rows, by](Statement const& row) {
                                    for_names(by, row.text(0), [&rows, &row](std::string const& name) {
                                        rows[name].open += row.integer(1);
                                        rows[name].reserved.count += row.integer(2);
                                    });
                                }));
    return add_forgotten(database, query, selection.end(), rows);
}

// --- export

constexpr char const* call_columns =
    "c.epoch, c.number, c.at, c.request_id, c.attempt, c.key, c.team, c.tags, c.user, c.model, c.provider, "
    "c.target_model, c.credential, c.reserved";
constexpr char const* settlement_columns =
    "s.at, s.cost, s.sheet_cost, s.reported_cost, s.input, s.output, s.cached_input, s.cache_write, s.reasoning, "
    "s.audio_input, s.audio_output, s.source, s.result, s.upstream_status, s.requests, s.uncertain, s.unpriced, "
    "s.over, "
    "s.recovered";
constexpr int call_column_count = 14;

/// One JSON object, member by member.
class JsonObject {
public:
    void member(std::string_view name, std::string const& json) {
        text_ += text_.empty() ? "{" : ",";
        text_ += '"';
        text_ += name;
        text_ += "\":";
        text_ += json;
    }
    void number(std::string_view name, std::int64_t value) { member(name, std::to_string(value)); }
    void maybe_number(std::string_view name, std::optional<std::int64_t> value) {
        member(name, value ? std::to_string(*value) : "null");
    }
    void string(std::string_view name, std::string_view value) { member(name, json_quoted(value)); }
    void flag(std::string_view name, bool value) { member(name, value ? "true" : "false"); }
    std::string done() { return std::move(text_) + "}"; }

private:
    std::string text_;
};

std::string tag_list(std::string_view lines) {
    std::string list = "[";
    for_names(By::tag, lines,
              [&list](std::string const& tag) { list += (list.size() > 1 ? "," : "") + json_quoted(tag); });
    return list + "]";
}

void add_call(JsonObject& out, Statement const& row) {
    out.string("id", to_text(CallId{.epoch = row.integer(0), .number = row.integer(1)}));
    out.number("at_ms", row.integer(2));
    out.string("request_id", row.text(3));
    out.number("attempt", row.integer(4));
    out.string("key", row.text(5));
    out.string("team", row.text(6));
    out.member("tags", tag_list(row.text(7)));
    out.string("user", row.text(8));
    out.string("model", row.text(9));
    out.string("provider", row.text(10));
    out.string("target_model", row.text(11));
    out.string("credential", row.text(12));
    out.number("reserved_nano_usd", row.integer(13));
}

std::string settlement_json(Statement const& row) {
    JsonObject out;
    int column = call_column_count;
    out.number("at_ms", row.integer(column++));
    out.number("cost_nano_usd", row.integer(column++));
    for (auto const* const name : {"sheet_cost_nano_usd", "reported_cost_nano_usd"}) {
        out.maybe_number(name, row.maybe_integer(column++));
    }
    for (auto const* const name :
         {"input", "output", "cached_input", "cache_write", "reasoning", "audio_input", "audio_output"}) {
        out.number(name, row.integer(column++));
    }
    for (auto const* const name : {"usage_source", "result"}) out.string(name, row.text(column++));
    for (auto const* const name : {"upstream_status", "requests"}) out.number(name, row.integer(column++));
    for (auto const* const name : {"uncertain", "unpriced", "over_reserved", "recovered"}) {
        out.flag(name, row.integer(column++) != 0);
    }
    return out.done();
}

/// Writes calls out, each with the lines that belong to it.
class Export {
public:
    static Result<Export> prepare(Database& database) {
        Export made;
        SLUICE_TRY(made.raises_, database.prepare("SELECT at, amount FROM raises WHERE epoch = ?1 AND number = ?2"));
        SLUICE_TRY(made.adjustments_,
                   database.prepare("SELECT at, amount, tokens, why FROM adjustments WHERE epoch = ?1 "
                                    "AND number = ?2"));
        return made;
    }

    Result<std::string> line(Statement const& row) {
        JsonObject out;
        add_call(out, row);
        auto lines = [&row](Statement& statement, auto to_json) -> Result<std::string> {
            std::string list = "[";
            SLUICE_CHECK(
                statement.bind(row.integer(0), row.integer(1)).for_each([&list, &to_json](Statement const& each) {
                    list += (list.size() > 1 ? "," : "") + to_json(each);
                }));
            return list + "]";
        };
        SLUICE_TRY(auto const raises, lines(raises_, [](Statement const& each) {
                       JsonObject raise;
                       raise.number("at_ms", each.integer(0));
                       raise.number("reserved_nano_usd", each.integer(1));
                       return raise.done();
                   }));
        SLUICE_TRY(auto const adjustments, lines(adjustments_, [](Statement const& each) {
                       JsonObject adjustment;
                       adjustment.number("at_ms", each.integer(0));
                       adjustment.number("amount_nano_usd", each.integer(1));
                       adjustment.number("tokens", each.integer(2));
                       adjustment.string("why", each.text(3));
                       return adjustment.done();
                   }));
        out.member("raises", raises);
        out.member("settlement", row.maybe_integer(call_column_count) ? settlement_json(row) : "null");
        out.member("adjustments", adjustments);
        return out.done();
    }

private:
    Statement raises_;
    Statement adjustments_;
};

}  // namespace

Result<std::vector<UsageRow>> SqliteStore::usage(UsageQuery const& query) {
    Rows rows;
    SLUICE_CHECK(read([&query, &rows](Database& database) { return collect(database, query, rows); }));
    std::vector<UsageRow> out;
    for (auto& [name, row] : rows) {
        // A filter on one tag lets a call through with all its tags.
        auto const only = query.only.find(query.by);
        if (only != query.only.end() && only->second != name) continue;
        row.name = name;
        out.push_back(std::move(row));
    }
    return out;
}

Result<> SqliteStore::export_calls(WallTime since, WallTime until,
                                   std::function<bool(std::string const& json_line)> const& take) {
    return read([since, until, &take](Database& database) -> Result<> {
        SLUICE_TRY(auto exported, Export::prepare(database));
        auto const columns = std::string("SELECT ") + call_columns + ", ";
        std::string const sources[] = {
            columns + settlement_columns +
                " FROM settlements s JOIN calls c USING(epoch, number) WHERE s.at >= ?1 AND s.at < ?2 ORDER BY s.at",
            columns +
                "NULL FROM open_calls o JOIN calls c USING(epoch, number) WHERE c.at >= ?1 AND c.at < ?2 ORDER BY "
                "c.at"};
        for (auto const& sql : sources) {
            SLUICE_TRY(auto rows, database.prepare(sql));
            rows.bind(since, until);
            for (;;) {
                SLUICE_TRY(bool const more, rows.step());
                if (!more) break;
                SLUICE_TRY(auto const line, exported.line(rows));
                if (!take(line)) return {};
            }
        }
        return {};
    });
}

}  // namespace sluice::store::sqlite

#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "server/store/sqlite_ledger.hpp"

/// Retention: single calls go, what they add up to stays.
namespace sluice::store::sqlite {
namespace {

/// So few at once that who records calls waits for milliseconds.
constexpr std::int64_t calls_at_once = 200;
constexpr std::chrono::milliseconds pause{10};

/// What is kept of calls whose lines go.
struct Kept {
    Amounts used{};
    UsageRow row{};
};
using KeptSums = std::map<std::tuple<std::int64_t, Payer>, Kept>;

/// Its payers, and the empty names under which usage shows the calls of none.
std::vector<Payer> rows_of(ChargedCall const& call) {
    auto payers = payers_of(call);
    auto add_empty = [&payers](PayerKind kind, std::string_view name) {
        if (name.empty()) payers.push_back({.kind = kind});
    };
    add_empty(PayerKind::key, call.key);
    add_empty(PayerKind::team, call.team);
    add_empty(PayerKind::user, call.user);
    add_empty(PayerKind::model, call.model);
    add_empty(PayerKind::provider, call.provider);
    return payers;
}

class Forgetting {
public:
    explicit Forgetting(Database& database) : database_(database) {}

    /// Returns how many calls.
    Result<std::int64_t> run(WallTime before) {
        SLUICE_CHECK(gather(before));
        SLUICE_CHECK(gather_adjustments());
        SLUICE_CHECK(keep());
        SLUICE_CHECK(remove());
        return static_cast<std::int64_t>(calls_.size());
    }

private:
    struct Call {
        CallId id{};
        std::vector<Payer> payers{};
    };

    Result<> gather(WallTime before);
    void add(Statement const& row);
    Result<> gather_adjustments();
    Result<> keep();
    Result<> remove();

    Database& database_;
    std::vector<Call> calls_;
    std::map<std::int64_t, std::int64_t> epochs_;
    KeptSums kept_;
};

Result<> Forgetting::gather(WallTime before) {
    SLUICE_TRY(auto rows, database_.prepare(
                              "SELECT c.epoch, c.number, c.key, c.team, c.tags, c.user, c.model, c.provider, "
                              "c.target_model, s.at, s.cost, s.requests, result NOT IN ('ok', 'cancelled'), "
                              "source = 'counted', coalesce(sheet_cost, 0), input, output, cached_input, cache_write, "
                              "reasoning, audio_input, audio_output "
                              "FROM settlements s JOIN calls c USING(epoch, number) WHERE s.at < ?1 ORDER BY s.at "
                              "LIMIT ?2"));
    return rows.bind(before, calls_at_once).for_each([this](Statement const& row) { add(row); });
}

void Forgetting::add(Statement const& row) {
    Call call{.id = {.epoch = row.integer(0), .number = row.integer(1)},
              .payers = rows_of({.key = row.text(2),
                                 .team = row.text(3),
                                 .tag_lines = row.text(4),
                                 .user = row.text(5),
                                 .model = row.text(6),
                                 .provider = row.text(7),
                                 .target_model = row.text(8)})};
    auto const hour = hour_of(row.time(9));
    for (auto const& payer : call.payers) {
        auto& kept = kept_[{hour, payer}];
        kept.used[Resource::money] += row.integer(10);
        kept.used[Resource::requests] += row.integer(11);
        kept.used[Resource::tokens] += row.integer(15) + row.integer(16);
        kept.row.calls += 1;
        kept.row.failed += row.integer(12);
        kept.row.estimated += row.integer(13);
        kept.row.sheet_cost.count += row.integer(14);
        auto& usage = kept.row.usage;
        int column = 15;
        for (auto* const tokens : {&usage.input, &usage.output, &usage.cached_input, &usage.cache_write,
                                   &usage.reasoning, &usage.audio_input, &usage.audio_output}) {
            *tokens += row.integer(column++);
        }
    }
    ++epochs_[call.id.epoch];
    calls_.push_back(std::move(call));
}

Result<> Forgetting::gather_adjustments() {
    SLUICE_TRY(auto rows,
               database_.prepare("SELECT at, amount, tokens FROM adjustments WHERE epoch = ?1 AND number = ?2"));
    for (auto const& call : calls_) {
        SLUICE_CHECK(rows.bind(call.id.epoch, call.id.number).for_each([this, &call](Statement const& row) {
            for (auto const& payer : call.payers) {
                auto& used = kept_[{hour_of(row.time(0)), payer}].used;
                used[Resource::money] += row.integer(1);
                used[Resource::tokens] += row.integer(2);
            }
        }));
    }
    return {};
}

Result<> Forgetting::keep() {
    std::string sql =
        "INSERT INTO forgotten VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17) ON "
        "CONFLICT DO UPDATE SET calls = calls + excluded.calls";
    for (auto const* const column :
         {"money", "requests", "tokens", "failed", "estimated", "sheet_cost", "input", "output", "cached_input",
          "cache_write", "reasoning", "audio_input", "audio_output"}) {
        sql += std::string(", ") + column + " = " + column + " + excluded." + column;
    }
    SLUICE_TRY(auto insert, database_.prepare(sql));
    for (auto const& [what, kept] : kept_) {
        auto const& [hour, payer] = what;
        auto const& usage = kept.row.usage;
        SLUICE_CHECK(insert
                         .bind(hour, to_text(payer.kind), payer.name, kept.used[Resource::money],
                               kept.used[Resource::requests], kept.used[Resource::tokens], kept.row.calls,
                               kept.row.failed, kept.row.estimated, kept.row.sheet_cost, usage.input, usage.output,
                               usage.cached_input, usage.cache_write, usage.reasoning, usage.audio_input,
                               usage.audio_output)
                         .run());
    }
    SLUICE_TRY(auto epoch, database_.prepare("UPDATE epochs SET forgotten = forgotten + ?2 WHERE epoch = ?1"));
    for (auto const& [id, calls] : epochs_) SLUICE_CHECK(epoch.bind(id, calls).run());
    return {};
}

Result<> Forgetting::remove() {
    for (auto const* const table : {"raises", "adjustments", "settlements", "calls"}) {
        SLUICE_TRY(auto row,
                   database_.prepare(std::string("DELETE FROM ") + table + " WHERE epoch = ?1 AND number = ?2"));
        for (auto const& call : calls_) SLUICE_CHECK(row.bind(call.id.epoch, call.id.number).run());
    }
    return {};
}

}  // namespace

Result<std::int64_t> SqliteStore::forget_some(WallTime before) {
    std::int64_t calls = 0;
    SLUICE_CHECK(write([before, &calls](Database& database) -> Result<> {
        SLUICE_TRY(calls, Forgetting(database).run(before));
        return {};
    }));
    return calls;
}

Result<std::int64_t> SqliteStore::forget(WallTime before) {
    std::int64_t calls = 0;
    for (;;) {
        SLUICE_TRY(auto const some, forget_some(before));
        calls += some;
        if (some < calls_at_once) return calls;
        SLUICE_CHECK(tidy());
        std::this_thread::sleep_for(pause);  // allowed: this thread may block, and others have to get at the file
    }
}

}  // namespace sluice::store::sqlite

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "server/store/sqlite_ledger.hpp"

/// The sums are what the lines add up to, and the lines fit together.
namespace sluice::store::sqlite {
namespace {

constexpr std::size_t most_faults = 100;
using Sums = std::map<std::tuple<std::int64_t, Payer>, Amounts>;

class Check {
public:
    explicit Check(Database& database) : database_(database) {}

    Result<std::vector<LedgerFault>> run() {
        SLUICE_CHECK(check_file());
        SLUICE_CHECK(check_calls());
        SLUICE_CHECK(check_strays());
        SLUICE_CHECK(add_adjustments());
        SLUICE_CHECK(add_forgotten());
        SLUICE_CHECK(compare_sums());
        SLUICE_CHECK(compare_epochs());
        return std::move(faults_);
    }

private:
    void fault(std::string what) {
        if (faults_.size() < most_faults) faults_.push_back({.what = std::move(what)});
    }

    void charge(std::vector<Payer> const& payers, std::int64_t hour, Amounts const& used) {
        for (auto const& payer : payers) add(sums_[{hour, payer}], used);
    }
    static void add(Amounts& sum, Amounts const& used) {
        for (auto const resource : {Resource::money, Resource::requests, Resource::tokens}) {
            sum[resource] += used[resource];
        }
    }

    Result<> check_file();
    Result<> check_calls();
    void check_call(Statement const& row);
    void check_settlement(Statement const& row, std::string const& id);
    Result<> check_strays();
    Result<> add_adjustments();
    Result<> add_forgotten();
    Result<> compare_sums();
    Result<> compare_epochs();

    Database& database_;
    std::vector<LedgerFault> faults_;
    Sums sums_;
    std::map<std::int64_t, EpochCounts> epochs_;
};

Result<> Check::check_file() {
    SLUICE_TRY(auto rows, database_.prepare("PRAGMA integrity_check(20)"));
    return rows.for_each([this](Statement const& row) {
        if (row.text(0) != "ok") fault("the file is damaged: " + row.string(0));
    });
}

constexpr char const* charged_columns =
    "c.epoch, c.number, c.key, c.team, c.tags, c.user, c.model, c.provider, c.target_model";

std::vector<Payer> payers_in(Statement const& row) {
    return payers_of({.key = row.text(2),
                      .team = row.text(3),
                      .tag_lines = row.text(4),
                      .user = row.text(5),
                      .model = row.text(6),
                      .provider = row.text(7),
                      .target_model = row.text(8)});
}

CallId id_in(Statement const& row) { return {.epoch = row.integer(0), .number = row.integer(1)}; }

Result<> Check::check_calls() {
    SLUICE_TRY(auto rows, database_.prepare(
                              std::string("SELECT ") + charged_columns +
                              ", o.epoch, max(c.reserved, coalesce((SELECT max(amount) FROM raises r WHERE r.epoch = "
                              "c.epoch AND r.number = c.number), 0)), s.at, s.cost, s.requests, s.input + s.output, "
                              "s.over, s.upstream_status FROM calls c "
                              "LEFT JOIN settlements s ON s.epoch = c.epoch AND s.number = c.number "
                              "LEFT JOIN open_calls o ON o.epoch = c.epoch AND o.number = c.number"));
    return rows.for_each([this](Statement const& row) { check_call(row); });
}

void Check::check_call(Statement const& row) {
    auto const id = to_text(id_in(row));
    bool const open = row.maybe_integer(9).has_value();
    bool const settled = row.maybe_integer(11).has_value();
    ++epochs_[row.integer(0)].calls;
    if (open && settled) fault("call " + id + " is settled, and still among the open ones");
    if (!open && !settled) fault("call " + id + " is neither settled nor open");
    if (settled) check_settlement(row, id);
}

void Check::check_settlement(Statement const& row, std::string const& id) {
    auto& counts = epochs_[row.integer(0)];
    ++counts.settled;
    if (row.integer(16) >= 200 && row.integer(16) < 300) ++counts.answered;
    auto const reserved = row.integer(10);
    auto const cost = row.integer(12);
    if (reserved > 0 && cost > reserved && row.integer(15) == 0) {
        fault("call " + id + " cost " + std::to_string(cost) + " nano-dollars of " + std::to_string(reserved) +
              " reserved, and is not marked so");
    }
    Amounts used;
    used[Resource::money] = cost;
    used[Resource::requests] = row.integer(13);
    used[Resource::tokens] = row.integer(14);
    charge(payers_in(row), hour_of(row.time(11)), used);
}

Result<> Check::check_strays() {
    std::pair<std::string, std::string> const kinds[] = {
        {"settlements", "settlement"}, {"raises", "raise"}, {"adjustments", "adjustment"}, {"open_calls", "open call"}};
    for (auto const& [table, what] : kinds) {
        SLUICE_TRY(auto rows,
                   database_.prepare("SELECT epoch, number FROM " + table +
                                     " x WHERE NOT EXISTS (SELECT 1 FROM calls c WHERE c.epoch = x.epoch AND "
                                     "c.number = x.number)"));
        SLUICE_CHECK(rows.for_each([this, &what](Statement const& row) {
            fault("the " + what + " of call " + to_text(id_in(row)) + " has no reservation");
        }));
    }
    return {};
}

Result<> Check::add_adjustments() {
    SLUICE_TRY(auto rows, database_.prepare(std::string("SELECT ") + charged_columns +
                                            ", a.at, a.amount, a.tokens FROM adjustments a JOIN calls c "
                                            "USING(epoch, number)"));
    return rows.for_each([this](Statement const& row) {
        Amounts used;
        used[Resource::money] = row.integer(10);
        used[Resource::tokens] = row.integer(11);
        charge(payers_in(row), hour_of(row.time(9)), used);
    });
}

/// Calls `take(hour, payer, amounts)` for the rows of sums or forgotten.
template <class Take>
Result<> for_sums(Database& database, std::string const& table, Take take) {
    SLUICE_TRY(auto rows, database.prepare("SELECT hour, kind, name, money, requests, tokens FROM " + table +
                                           " WHERE name <> ''"));
    return rows.for_each([&take](Statement const& row) {
        Amounts sum;
        sum[Resource::money] = row.integer(3);
        sum[Resource::requests] = row.integer(4);
        sum[Resource::tokens] = row.integer(5);
        auto const kind = read_payer_kind(row.text(1)).value_or(PayerKind::count_);
        Payer const payer{.kind = kind, .name = row.string(2)};
        take(row.integer(0), payer, sum);
    });
}

Result<> Check::add_forgotten() {
    return for_sums(database_, "forgotten", [this](std::int64_t hour, Payer const& payer, Amounts const& sum) {
        add(sums_[{hour, payer}], sum);
    });
}

std::string figures(Amounts const& sum) {
    return std::to_string(sum[Resource::money]) + " nano-dollars, " + std::to_string(sum[Resource::requests]) +
           " requests, " + std::to_string(sum[Resource::tokens]) + " tokens";
}

Result<> Check::compare_sums() {
    auto compare = [this](std::int64_t hour, Payer const& payer, Amounts const& kept, Amounts const& lines) {
        if (kept == lines) return;
        fault("hour " + std::to_string(hour) + " of " + std::string(to_text(payer.kind)) + " " + payer.name +
              ": the sum says " + figures(kept) + ", the lines say " + figures(lines));
    };
    SLUICE_CHECK(
        for_sums(database_, "sums", [this, &compare](std::int64_t hour, Payer const& payer, Amounts const& kept) {
            auto const lines = sums_.extract({hour, payer});
            compare(hour, payer, kept, lines.empty() ? Amounts{} : lines.mapped());
        }));
    for (auto const& [what, lines] : sums_) compare(std::get<0>(what), std::get<1>(what), {}, lines);
    return {};
}

Result<> Check::compare_epochs() {
    SLUICE_TRY(auto rows, database_.prepare("SELECT epoch, calls, settled, answered, forgotten FROM epochs"));
    SLUICE_CHECK(rows.for_each([this](Statement const& row) {
        auto const lines = epochs_.extract(row.integer(0));
        auto const counts = lines.empty() ? EpochCounts{} : lines.mapped();
        auto const forgotten = row.integer(4);
        bool const fits = row.integer(1) == counts.calls + forgotten && row.integer(2) == counts.settled + forgotten &&
                          (forgotten > 0 || row.integer(3) == counts.answered);
        if (fits) return;
        fault("process " + row.string(0) + " made " + row.string(1) + " calls and settled " + row.string(2) +
              "; there are lines of " + std::to_string(counts.calls) + " and " + std::to_string(counts.settled) +
              ", and " + row.string(4) + " are not kept");
    }));
    for (auto const& [epoch, counts] : epochs_) {
        fault("process " + std::to_string(epoch) + " made " + std::to_string(counts.calls) +
              " calls, and none is counted");
    }
    return {};
}

}  // namespace

Result<std::vector<LedgerFault>> SqliteStore::verify() {
    std::vector<LedgerFault> faults;
    SLUICE_CHECK(read([&faults](Database& database) -> Result<> {
        SLUICE_TRY(faults, Check(database).run());
        return {};
    }));
    return faults;
}

}  // namespace sluice::store::sqlite

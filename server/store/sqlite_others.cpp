#include <algorithm>
#include <string>
#include <utility>

#include "server/store/charges.hpp"
#include "server/store/sqlite_ledger.hpp"

/// What other processes write to the same file, while one upgrade replaces another.
namespace sluice::store::sqlite {
namespace {

using Process = OthersRead::Process;

/// Numbers are drawn before calls are queued, so neighbours may be written in any order. Those that were never written
/// (refused) are not waited for for ever.
constexpr std::int64_t most_skipped = 1'000;

constexpr std::string_view call_columns =
    "SELECT c.number, c.attempt, max(c.reserved, coalesce((SELECT max(amount) FROM raises r WHERE r.epoch = c.epoch "
    "AND r.number = c.number), 0)), key, team, tags, user, model, provider, target_model FROM calls c ";

Amounts reserved_in(Statement const& row) {
    Amounts reserved;
    reserved[Resource::requests] = row.integer(1) == 1 ? 1 : 0;
    reserved[Resource::money] = row.integer(2);
    return reserved;
}

OtherCall call_in(Statement const& row, std::int64_t epoch) {
    ChargedCall const charged{.key = row.text(3),
                              .team = row.text(4),
                              .tag_lines = row.text(5),
                              .user = row.text(6),
                              .model = row.text(7),
                              .provider = row.text(8),
                              .target_model = row.text(9)};
    return {
        .id = {.epoch = epoch, .number = row.integer(0)}, .payers = payers_of(charged), .reserved = reserved_in(row)};
}

/// The call stands in the table.
void meet(Process& process, std::int64_t number) {
    for (auto n = std::max(process.last + 1, number - most_skipped); n < number; ++n) process.skipped.insert(n);
    while (std::ssize(process.skipped) > most_skipped) process.skipped.erase(process.skipped.begin());
    process.skipped.erase(number);
    process.last = std::max(process.last, number);
}

/// Reads what one process has written, within one transaction.
class Reader {
public:
    static Result<Reader> prepare(Database& database);
    /// What it has settled so far is not told.
    Result<> begin(std::int64_t epoch, Process& process);
    Result<> follow(std::int64_t epoch, Process& process);
    std::vector<OtherCall> take() { return std::move(told_); }

private:
    Result<> read_new(std::int64_t epoch, Process& process);
    Result<> read_open(std::int64_t epoch, Process& process);
    Result<> read_settlement(CallId id);
    Result<> tell_one(std::int64_t epoch, std::int64_t number, Process& process);
    void tell(OtherCall call, Process& process);

    Statement newest_, newer_, one_, open_, settlement_;
    std::vector<OtherCall> told_{};
};

Result<Reader> Reader::prepare(Database& database) {
    Reader made;
    std::string const calls(call_columns);
    SLUICE_TRY(made.newest_, database.prepare("SELECT coalesce(max(number), 0) FROM calls WHERE epoch = ?1"));
    SLUICE_TRY(made.newer_, database.prepare(calls + "WHERE epoch = ?1 AND number > ?2 ORDER BY number"));
    SLUICE_TRY(made.one_, database.prepare(calls + "WHERE epoch = ?1 AND number = ?2"));
    SLUICE_TRY(made.open_, database.prepare(calls + "JOIN open_calls o USING(epoch, number) WHERE o.epoch = ?1"));
    SLUICE_TRY(made.settlement_, database.prepare("SELECT cost, requests, input + output FROM settlements WHERE "
                                                  "epoch = ?1 AND number = ?2"));
    return made;
}

Result<> Reader::begin(std::int64_t epoch, Process& process) {
    SLUICE_CHECK(newest_.bind(epoch).for_each([&process](Statement const& row) { process.last = row.integer(0); }));
    process.last = std::max<std::int64_t>(process.last - most_skipped, 0);
    SLUICE_CHECK(
        newer_.bind(epoch, process.last).for_each([&process](Statement const& row) { meet(process, row.integer(0)); }));
    return read_open(epoch, process);
}

Result<> Reader::follow(std::int64_t epoch, Process& process) {
    SLUICE_CHECK(read_new(epoch, process));
    return read_open(epoch, process);
}

Result<> Reader::read_new(std::int64_t epoch, Process& process) {
    auto const skipped = process.skipped;
    for (auto const number : skipped) SLUICE_CHECK(tell_one(epoch, number, process));
    return newer_.bind(epoch, process.last).for_each([this, epoch, &process](Statement const& row) {
        tell(call_in(row, epoch), process);
    });
}

/// Of the calls that were under way: which have grown, and which are no longer.
Result<> Reader::read_open(std::int64_t epoch, Process& process) {
    auto ended = std::move(process.open);
    process.open = {};
    SLUICE_CHECK(open_.bind(epoch).for_each([this, epoch, &process, &ended](Statement const& row) {
        auto const known = ended.extract(row.integer(0));
        if (!known) return tell(call_in(row, epoch), process);
        auto const reserved = reserved_in(row);
        process.open[known.key()] = reserved;
        if (reserved != known.mapped()) {
            told_.push_back({.id = {.epoch = epoch, .number = known.key()}, .reserved = reserved});
        }
    }));
    for (auto const& [number, reserved] : ended) {
        SLUICE_CHECK(read_settlement({.epoch = epoch, .number = number}));
    }
    return {};
}

/// Without one the call is so old that its lines are no longer kept.
Result<> Reader::read_settlement(CallId id) {
    Amounts used;
    SLUICE_CHECK(settlement_.bind(id.epoch, id.number).for_each([&used](Statement const& row) {
        used[Resource::money] = row.integer(0);
        used[Resource::requests] = row.integer(1);
        used[Resource::tokens] = row.integer(2);
    }));
    told_.push_back({.id = id, .used = used});
    return {};
}

Result<> Reader::tell_one(std::int64_t epoch, std::int64_t number, Process& process) {
    return one_.bind(epoch, number).for_each([this, epoch, &process](Statement const& row) {
        tell(call_in(row, epoch), process);
    });
}

void Reader::tell(OtherCall call, Process& process) {
    meet(process, call.id.number);
    process.open[call.id.number] = call.reserved;
    told_.push_back(std::move(call));
}

/// Those whose heartbeat is not older than `alive_since`.
Result<std::vector<std::int64_t>> others(Database& database, std::int64_t mine, WallTime alive_since) {
    std::vector<std::int64_t> epochs;
    SLUICE_TRY(auto rows, database.prepare("SELECT epoch FROM processes WHERE epoch <> ?1 AND seen >= ?2"));
    SLUICE_CHECK(
        rows.bind(mine, alive_since).for_each([&epochs](Statement const& row) { epochs.push_back(row.integer(0)); }));
    return epochs;
}

}  // namespace

Result<LedgerMoment> SqliteStore::begin_reading_others(WallTime since, std::int64_t mine, OthersRead& read) {
    LedgerMoment moment;
    OthersRead begun{.has_begun = true};
    SLUICE_CHECK(this->read([since, mine, &moment, &begun](Database& database) -> Result<> {
        SLUICE_TRY(moment.sums, read_sums(database, since));
        SLUICE_TRY(auto const epochs, others(database, mine, WallTime::min()));
        SLUICE_TRY(auto reader, Reader::prepare(database));
        for (auto const epoch : epochs) {
            auto& process = begun.processes[epoch];
            process.was_alive = true;
            SLUICE_CHECK(reader.begin(epoch, process));
        }
        moment.others = reader.take();
        return {};
    }));
    read = std::move(begun);
    return moment;
}

/// A process that was alive is read once more: it may have written its last lines.
Result<std::vector<OtherCall>> SqliteStore::read_others(std::int64_t mine, WallTime alive_since, OthersRead& read) {
    std::vector<OtherCall> told;
    SLUICE_CHECK(this->read([mine, alive_since, &read, &told](Database& database) -> Result<> {
        SLUICE_TRY(auto const alive, others(database, mine, alive_since));
        for (auto const epoch : alive) read.processes[epoch].was_alive = true;
        auto const is_silent = [](auto const& each) { return !each.second.was_alive && each.second.open.empty(); };
        if (std::ranges::all_of(read.processes, is_silent)) return {};
        SLUICE_TRY(auto reader, Reader::prepare(database));
        auto next = read;
        for (auto& each : next.processes) {
            if (is_silent(each)) continue;
            SLUICE_CHECK(reader.follow(each.first, each.second));
            each.second.was_alive = std::ranges::find(alive, each.first) != alive.end();
        }
        told = reader.take();
        read = std::move(next);
        return {};
    }));
    return told;
}

}  // namespace sluice::store::sqlite

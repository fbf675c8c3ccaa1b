#include "server/store/sqlite_ledger.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "server/store/journal_file.hpp"
#include "server/store/process_identity.hpp"
#include "server/store/sqlite_schema.hpp"
#include "server/store/sqlite_store.hpp"

namespace sluice::store {

Result<std::unique_ptr<Store>> open_sqlite(std::string const& path, OpenedBy opener) {
    auto store = std::make_unique<sqlite::SqliteStore>(path, opener);
    SLUICE_CHECK(store->open());
    return store;
}

namespace sqlite {
namespace {

/// Others write for milliseconds; a command that removes old lines does so in small steps.
constexpr std::chrono::milliseconds patience{1'000};
/// Of the log, in pages of 4 KiB: when it is copied into the file, and when it has to be emptied, because it never was
/// copied to its end.
constexpr std::int64_t pages_to_copy = 2'000;
constexpr std::int64_t pages_to_empty = 8'000;
constexpr std::int64_t calls_at_once = 500;

Error unavailable(std::string detail) {
    return Error{.kind = ErrorKind::ledger_unavailable, .detail = std::move(detail)};
}

Error failed(std::string const& what) { return unavailable(what + ": " + std::generic_category().message(errno)); }

WallTime system_time() { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }

}  // namespace

// --- the log

Result<LogFile> LogFile::open(std::string const& database_path) {
    LogFile log;
    log.fd_ = net::OwnedFd(::open((database_path + "-wal").c_str(), O_RDWR | O_CLOEXEC));
    if (!log.fd_) return std::unexpected(failed(database_path + "-wal"));
    return log;
}

Result<> LogFile::sync() const {
    if (::fdatasync(fd_.get()) != 0) return std::unexpected(failed("fdatasync of the write-ahead log"));
    return {};
}

// --- opening

Result<> SqliteStore::open() {
    std::scoped_lock const lock(write_mutex_, read_mutex_, keep_mutex_, log_mutex_);
    auto opened = open_all();
    if (!opened && !opened.error().detail.starts_with(path_)) {
        opened.error().detail = path_ + ": " + opened.error().detail.str();
    }
    return opened;
}

Result<> SqliteStore::open_all() {
    auto const how = opener_ == OpenedBy::gateway ? Opening::create : Opening::existing;
    SLUICE_TRY(auto database, Database::open(path_, how, patience));
    SLUICE_CHECK(prepare_schema(database, how, system_time()));
    SLUICE_TRY(auto statements, AppendStatements::prepare(database));
    SLUICE_TRY(reading_, Database::open(path_, Opening::existing, patience));
    SLUICE_TRY(keeping_, Database::open(path_, Opening::existing, patience));
    SLUICE_TRY(log_, LogFile::open(path_));
    writing_.emplace(std::move(database), std::move(statements));
    if (how == Opening::create) {
        // What an earlier process has left in the log, or this one after a failed sync, is written to the file anew.
        SLUICE_TRY([[maybe_unused]] bool const emptied, keeping_->empty_log());
        SLUICE_CHECK(sync_folder_of(path_));
    }
    trusted_ = true;
    return {};
}

Result<> SqliteStore::reopen() {
    if (trusted_) return make_room();
    std::scoped_lock const lock(write_mutex_, read_mutex_, keep_mutex_, log_mutex_);
    if (writing_) writing_->database.distrust();
    for (auto* const each : {&reading_, &keeping_}) {
        if (*each) (*each)->distrust();
    }
    writing_.reset();
    reading_.reset();
    keeping_.reset();
    log_ = LogFile();
    return open_all();
}

/// Where the disk is full, what the log and the file both hold is given back.
Result<> SqliteStore::make_room() {
    std::lock_guard const lock(keep_mutex_);
    auto const emptied = keeping_->empty_log();
    if (!emptied && keeping_->broken()) return met(std::unexpected(emptied.error()), *keeping_);
    return {};
}

Result<> SqliteStore::usable() const {
    if (trusted_) return {};
    return std::unexpected(unavailable("the database failed, and was not opened anew since"));
}

/// Whether `database` can still be trusted after `result`.
Result<> SqliteStore::met(Result<> result, Database const& database) {
    if (!result && database.broken()) trusted_ = false;
    return result;
}

Result<> SqliteStore::wrote(Result<> result, Database const& database) {
    log_pages_ = database.log_pages();
    return met(std::move(result), database);
}

// --- writing

Result<> SqliteStore::append(std::span<LedgerEvent const> events) {
    return write_batch([events](AppendBatch& batch) -> Result<> {
        for (auto const& event : events) SLUICE_CHECK(batch.add(event));
        return {};
    });
}

Result<> SqliteStore::adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now) {
    return write_batch([id, amount, &why, now](AppendBatch& batch) { return batch.adjust(id, amount, why, now); });
}

Result<> SqliteStore::sync() {
    SLUICE_CHECK(usable());
    std::lock_guard const lock(log_mutex_);
    auto result = log_.sync();
    if (!result) trusted_ = false;
    return result;
}

Result<> SqliteStore::tidy() {
    SLUICE_CHECK(usable());
    std::lock_guard const lock(keep_mutex_);
    if (log_pages_ < pages_to_copy) return {};
    SLUICE_CHECK(met(keeping_->checkpoint(), *keeping_));
    if (log_pages_ < pages_to_empty) return {};
    return met(keeping_->restart_log(), *keeping_);
}

Result<> SqliteStore::heartbeat(std::int64_t epoch, WallTime now) {
    return write([epoch, now](Database& database) -> Result<> {
        if (now == WallTime{}) return database.run("DELETE FROM processes WHERE epoch = " + std::to_string(epoch));
        auto const self = this_process();
        SLUICE_TRY(auto row, database.prepare("INSERT OR REPLACE INTO processes VALUES(?1,?2,?3,?4,?5,?6)"));
        return row.bind(epoch, now, self.pid, self.started, self.boot, self.pid_space).run();
    });
}

// --- the calls of processes that are gone

/// Epochs with open calls whose process is gone.
Result<std::vector<std::int64_t>> SqliteStore::gone(Database& database, std::int64_t mine, WallTime since) {
    std::vector<std::int64_t> epochs;
    SLUICE_TRY(auto rows, database.prepare("SELECT o.epoch, coalesce(seen, 0), pid, started, boot, pid_space FROM "
                                           "(SELECT DISTINCT epoch FROM open_calls WHERE epoch <> ?1) o "
                                           "LEFT JOIN processes p ON p.epoch = o.epoch"));
    SLUICE_CHECK(rows.bind(mine).for_each([&epochs, since](Statement const& row) {
        ProcessIdentity const process{
            .pid = row.integer(2), .started = row.integer(3), .boot = row.string(4), .pid_space = row.string(5)};
        if (row.time(1) <= since || is_gone(process).value_or(false)) epochs.push_back(row.integer(0));
    }));
    return epochs;
}

Result<std::int64_t> SqliteStore::recover_some(std::int64_t mine, WallTime now, WallTime since) {
    std::vector<CallId> calls;
    SLUICE_CHECK(write_batch([this, mine, now, since, &calls](AppendBatch& batch) -> Result<> {
        auto& database = writing_->database;
        SLUICE_TRY(auto const epochs, gone(database, mine, since));
        SLUICE_TRY(auto rows, database.prepare("SELECT number FROM open_calls WHERE epoch = ?1 LIMIT ?2"));
        for (auto const epoch : epochs) {
            SLUICE_CHECK(rows.bind(epoch, calls_at_once).for_each([&calls, epoch](Statement const& row) {
                calls.push_back({.epoch = epoch, .number = row.integer(0)});
            }));
        }
        for (auto const& id : calls) {
            SLUICE_TRY(auto const* const call, batch.call(id));
            Settle const settle{
                .id = id,
                .end = {.at = now, .cost = call->reserved, .result = AttemptResult::cancelled, .uncertain = true},
                .requests = call->attempt == 1 ? 1 : 0};
            SLUICE_CHECK(batch.add(settle, Recovered::yes));
        }
        return {};
    }));
    return static_cast<std::int64_t>(calls.size());
}

Result<std::int64_t> SqliteStore::recover(std::int64_t mine, WallTime now, std::chrono::milliseconds alive_within) {
    auto const since = now - alive_within;
    std::int64_t recovered = 0;
    for (;;) {
        bool any = false;
        SLUICE_CHECK(read([this, mine, since, &any](Database& database) -> Result<> {
            SLUICE_TRY(auto const epochs, gone(database, mine, since));
            any = !epochs.empty();
            return {};
        }));
        if (!any) return recovered;
        SLUICE_TRY(auto const some, recover_some(mine, now, since));
        recovered += some;
    }
}

// --- reading

Result<EpochCounts> SqliteStore::counts(std::int64_t epoch) {
    EpochCounts counts;
    SLUICE_CHECK(read([epoch, &counts](Database& database) -> Result<> {
        SLUICE_TRY(auto row, database.prepare("SELECT calls, settled, answered FROM epochs WHERE epoch = ?1"));
        return row.bind(epoch).for_each([&counts](Statement const& found) {
            counts = {.calls = found.integer(0), .settled = found.integer(1), .answered = found.integer(2)};
        });
    }));
    return counts;
}

Result<std::vector<HourSum>> SqliteStore::sums(WallTime since) {
    std::vector<HourSum> sums;
    SLUICE_CHECK(read([since, &sums](Database& database) -> Result<> {
        SLUICE_TRY(sums, read_sums(database, since));
        return {};
    }));
    return sums;
}

Result<std::vector<HourSum>> SqliteStore::read_sums(Database& database, WallTime since) {
    auto const first = std::chrono::ceil<std::chrono::hours>(since).time_since_epoch().count();
    std::vector<HourSum> sums;
    auto take = [&sums](Statement const& row) {
        auto const kind = read_payer_kind(row.text(1));
        if (!kind) return;
        HourSum sum{.payer = {.kind = *kind, .name = row.string(2)}, .hour = beginning_of(row.integer(0))};
        sum.used[Resource::money] = row.integer(3);
        sum.used[Resource::requests] = row.integer(4);
        sum.used[Resource::tokens] = row.integer(5);
        sums.push_back(std::move(sum));
    };
    SLUICE_TRY(auto before, database.prepare("SELECT max(hour), kind, name, sum(money), sum(requests), sum(tokens) "
                                             "FROM sums WHERE hour < ?1 GROUP BY kind, name"));
    SLUICE_CHECK(before.bind(first).for_each(take));
    SLUICE_TRY(auto hours, database.prepare("SELECT * FROM sums WHERE hour >= ?1 ORDER BY hour, kind, name"));
    SLUICE_CHECK(hours.bind(first).for_each(take));
    return sums;
}

}  // namespace sqlite
}  // namespace sluice::store

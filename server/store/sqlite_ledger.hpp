#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "server/net/owned_fd.hpp"
#include "server/store/open_store.hpp"
#include "server/store/sqlite.hpp"
#include "server/store/sqlite_batch.hpp"

namespace sluice::store::sqlite {

/// A descriptor of the write-ahead log, to sync it beside those who write. SQLite puts no locks on that file, which
/// closing this one would drop.
class LogFile {
public:
    LogFile() = default;
    static Result<LogFile> open(std::string const& database_path);
    Result<> sync() const;

private:
    net::OwnedFd fd_;
};

/// See sqlite_store.hpp. Three connections: one writes, one reads, one moves the log into the file. Each has a mutex.
class SqliteStore final : public Store {
public:
    SqliteStore(std::string path, OpenedBy opener) : path_(std::move(path)), opener_(opener) {}
    Result<> open();

    Result<> append(std::span<LedgerEvent const> events) override;
    Result<> sync() override;
    Result<> reopen() override;
    Result<> tidy() override;
    Result<std::int64_t> recover(std::int64_t mine, WallTime now, std::chrono::milliseconds alive_within) override;
    Result<> heartbeat(std::int64_t epoch, WallTime now) override;
    Result<EpochCounts> counts(std::int64_t epoch) override;
    Result<std::vector<HourSum>> sums(WallTime since) override;
    Result<LedgerMoment> begin_reading_others(WallTime since, std::int64_t mine, OthersRead& read) override;
    Result<std::vector<OtherCall>> read_others(std::int64_t mine, WallTime alive_since, OthersRead& read) override;
    Result<std::vector<UsageRow>> usage(UsageQuery const& query) override;
    Result<> adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now) override;
    Result<std::vector<LedgerFault>> verify() override;
    Result<std::int64_t> forget(WallTime before) override;
    Result<> export_calls(WallTime since, WallTime until,
                          std::function<bool(std::string const& json_line)> const& take) override;

    Result<std::int64_t> version() override;
    Result<std::vector<StoredKey>> keys() override;
    Result<std::vector<StoredTeam>> teams() override;
    Result<> put(StoredKey const& key) override;
    Result<> put(StoredTeam const& team) override;
    Result<> put_all(std::span<StoredKey const> keys) override;
    Result<bool> remove_key(std::string const& id) override;
    Result<bool> remove_team(std::string const& name) override;

private:
    struct Writing {
        Database database;
        AppendStatements statements;
        OpenCalls open{};
    };

    /// Calls `work(database)` within a transaction of the writing connection.
    template <class Work>
    Result<> write(Work work);
    /// Calls `work(database)` of the reading connection, which sees one state throughout.
    template <class Work>
    Result<> read(Work work);
    /// `work(batch)` within a transaction; what it added is remembered when it is committed.
    template <class Work>
    Result<> write_batch(Work work);

    static Result<std::vector<HourSum>> read_sums(Database& database, WallTime since);
    Result<> open_all();
    Result<> make_room();
    Result<> usable() const;
    Result<> met(Result<> result, Database const& database);
    Result<> wrote(Result<> result, Database const& database);
    Result<std::vector<std::int64_t>> gone(Database& database, std::int64_t mine, WallTime since);
    Result<std::int64_t> recover_some(std::int64_t mine, WallTime now, WallTime since);
    Result<std::int64_t> forget_some(WallTime before);

    std::string const path_;
    OpenedBy const opener_;
    std::atomic<bool> trusted_ = false;
    std::atomic<std::int64_t> log_pages_ = 0;
    std::mutex write_mutex_;
    std::optional<Writing> writing_;
    std::mutex read_mutex_;
    std::optional<Database> reading_;
    std::mutex keep_mutex_;
    std::optional<Database> keeping_;
    std::mutex log_mutex_;
    LogFile log_;
};

template <class Work>
Result<> SqliteStore::write(Work work) {
    SLUICE_CHECK(usable());
    std::lock_guard const lock(write_mutex_);
    auto& database = writing_->database;
    auto attempt = [&database, &work]() -> Result<> {
        SLUICE_TRY(auto transaction, Transaction::begin(database));
        SLUICE_CHECK(work(database));
        return transaction.commit();
    };
    return wrote(attempt(), database);
}

template <class Work>
Result<> SqliteStore::write_batch(Work work) {
    SLUICE_CHECK(usable());
    std::lock_guard const lock(write_mutex_);
    auto& database = writing_->database;
    AppendBatch batch(database, writing_->statements, writing_->open);
    auto attempt = [&database, &work, &batch]() -> Result<> {
        SLUICE_TRY(auto transaction, Transaction::begin(database));
        SLUICE_CHECK(work(batch));
        SLUICE_CHECK(batch.finish());
        return transaction.commit();
    };
    auto result = wrote(attempt(), database);
    if (result) batch.committed();
    return result;
}

template <class Work>
Result<> SqliteStore::read(Work work) {
    SLUICE_CHECK(usable());
    std::lock_guard const lock(read_mutex_);
    SLUICE_TRY(auto const transaction, Transaction::begin_reading(*reading_));
    return met(work(*reading_), *reading_);
}

}  // namespace sluice::store::sqlite

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/types/limits.hpp"
#include "core/types/nano_usd.hpp"
#include "core/types/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

/// SQLite as values: connections, statements and transactions that end themselves. Every error is ledger_unavailable,
/// with SQLite's own words in `detail`.
namespace sluice::store::sqlite {

/// create: a missing file, with its folder, is made, for its owner alone. existing: a missing file is an error.
enum class Opening : std::uint8_t { create, existing };

/// What statements need of their connection.
struct Connection;

/// A prepared statement. Must not outlive its database. Thread: its database's.
class Statement {
public:
    /// Binds the parameters ?1, ?2 ... in order. Text must hold until the statement has run.
    template <class... Values>
    Statement& bind(Values const&... values) {
        int position = 0;
        (bind_at(++position, values), ...);
        return *this;
    }
    void bind_at(int position, std::int64_t value);
    void bind_at(int position, std::string_view value);
    void bind_at(int position, std::optional<std::int64_t> value);
    void bind_at(int position, NanoUsd value) { bind_at(position, value.count); }
    void bind_at(int position, std::optional<NanoUsd> value);
    void bind_at(int position, WallTime value) { bind_at(position, value.time_since_epoch().count()); }

    /// True: there is a row to read. After false or an error it can be bound anew.
    Result<bool> step();
    /// Of a statement without rows, or whose rows nobody wants.
    Result<> run();
    /// Calls `take` with the statement, standing on each of its rows.
    template <class Take>
    Result<> for_each(Take take) {
        for (;;) {
            SLUICE_TRY(bool const more, step());
            if (!more) return {};
            take(*this);
        }
    }
    void reset();

    std::int64_t integer(int column) const;
    std::optional<std::int64_t> maybe_integer(int column) const;
    /// Holds until the next step.
    std::string_view text(int column) const;
    std::string string(int column) const { return std::string(text(column)); }
    NanoUsd money(int column) const { return NanoUsd{integer(column)}; }
    WallTime time(int column) const { return WallTime(std::chrono::milliseconds(integer(column))); }

private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };

    Connection* connection_ = nullptr;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// A connection to one file, in WAL mode. Thread: one at a time.
class Database {
public:
    /// Waits `busy` for others that write. Commits are written, not synced (synchronous=NORMAL).
    static Result<Database> open(std::string const& path, Opening how, std::chrono::milliseconds busy);

    Result<Statement> prepare(std::string_view sql);
    /// One or more statements without parameters.
    Result<> run(std::string const& sql);
    /// The first column of the first row; nothing if there is no row.
    Result<std::optional<std::int64_t>> integer(std::string_view sql);
    /// Rows that the last statement changed.
    std::int64_t changes() const;

    /// The length of the write-ahead log after the last commit of this connection.
    std::int64_t log_pages() const;

    /// Copies what the write-ahead log holds into the file and syncs both. Meanwhile others may write, and what they
    /// write stays in the log.
    Result<> checkpoint();
    /// The same for all of it; others that write wait. Then the log begins anew, unless somebody still reads it.
    Result<> restart_log();
    /// The same, and the file of the log is empty afterwards. False: somebody still reads the
    /// log, which is complete in the file, though not empty.
    Result<bool> empty_log();

    /// An input or output error, or a broken file, was met: only a new connection can be trusted.
    bool broken() const;
    /// A call failed because what it would write contradicts what is there.
    bool conflicted() const;
    /// It will close without touching the file: whoever opens it next checks the log's sums, and takes what holds.
    void distrust();

private:
    struct Close {
        void operator()(Connection* connection) const;
    };
    std::unique_ptr<Connection, Close> connection_;
};

/// Everything between begin() and commit(), or nothing of it.
class Transaction {
public:
    /// Waits for the only place to write.
    static Result<Transaction> begin(Database& database);
    /// To read several times from the same state.
    static Result<Transaction> begin_reading(Database& database);
    Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    Result<> commit();

private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

}  // namespace sluice::store::sqlite

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/result.hpp"
#include "core/types/secret.hpp"

namespace sluice::store {

struct Libpq;

/// What a statement answered. Views hold as long as it lives.
class PostgresRows {
public:
    class Answer;
    explicit PostgresRows(std::shared_ptr<Answer const> answer) : answer_(std::move(answer)) {}

    int size() const;
    bool is_null(int row, int column) const;
    std::string_view text(int row, int column) const;
    std::int64_t number(int row, int column) const;  ///< of an integer or a boolean; 0 for NULL

private:
    std::shared_ptr<Answer const> answer_;  // shared so that rows can be copied
};

struct PostgresStatement {
    char const* sql = "";
    std::vector<std::optional<std::string>> parameters{};  ///< $1 and on, as text; absent: NULL
};

/// One connection, opened when it is first needed and again after it failed. Every call blocks, for connect_timeout and
/// its own time at most: a server that was stopped, or whose packets are lost, is an error in time. A connection whose
/// answer did not come is closed, never used again. Thread: one at a time.
class Postgres {
public:
    static constexpr std::chrono::seconds connect_timeout{2};
    static constexpr std::chrono::milliseconds usual_time{5000};

    /// Errors: ledger_unavailable where the library is missing or `url` can't be read. Opens no connection.
    static Result<std::unique_ptr<Postgres>> make(Secret const& url);
    ~Postgres();
    Postgres(Postgres const&) = delete;
    Postgres& operator=(Postgres const&) = delete;

    /// Errors: ledger_unavailable, `detail` with the server's words and without the password.
    Result<PostgresRows> run(PostgresStatement statement, std::chrono::milliseconds at_most = usual_time);

    /// All of `statements` in one transaction and one round trip; what each of them answered. Errors: as run(); nothing
    /// of it has happened, or all of it where the connection broke at the end.
    Result<std::vector<PostgresRows>> run_all(std::span<PostgresStatement const> statements,
                                              std::chrono::milliseconds at_most = usual_time);

    /// Whether the last error was about a key that is there already.
    bool was_duplicate() const { return was_duplicate_; }
    /// The next call opens a new one; what was begun in this one is undone.
    void close();

private:
    class Connection;
    Postgres(Libpq const& libpq, Secret url, Secret password);
    Result<> connect();
    Error failed(std::string_view what) const;

    Libpq const& libpq_;
    Secret url_;
    Secret password_;  // kept out of every error
    std::unique_ptr<Connection> connection_{};
    bool was_duplicate_ = false;
};

}  // namespace sluice::store

#include "server/store/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace sluice::store::sqlite {

struct Connection {
    sqlite3* handle = nullptr;
    bool broken = false;
    bool conflicted = false;
    int log_pages = 0;
};

namespace {

bool breaks(int code) {
    switch (code & 0xFF) {
        case SQLITE_IOERR:
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL:
            return true;
        default:
            return false;
    }
}

Error unavailable(std::string detail) {
    return Error{.kind = ErrorKind::ledger_unavailable, .detail = std::move(detail)};
}

Error failed(Connection& connection, int code) {
    connection.broken = connection.broken || breaks(code);
    connection.conflicted = (code & 0xFF) == SQLITE_CONSTRAINT;
    std::string detail = sqlite3_errstr(code);
    std::string const more = sqlite3_errmsg(connection.handle);
    if (more != detail) detail += ": " + more;
    int const system = sqlite3_system_errno(connection.handle);
    if (breaks(code) && system != 0) detail += ": " + std::generic_category().message(system);
    return unavailable(std::move(detail));
}

/// The folder and the file, if they are not there: SQLite would make the file for everybody to read.
Result<> make_file(std::string const& path) {
    std::error_code error;
    auto const folder = std::filesystem::path(path).parent_path();
    if (!folder.empty() && std::filesystem::create_directories(folder, error)) {
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
    if (error) return std::unexpected(unavailable(folder.string() + ": " + error.message()));
    // Only a file that nobody has open may be closed here: closing drops the locks of the whole process on it.
    int const file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) {
        ::close(file);
    } else if (errno != EEXIST) {
        return std::unexpected(unavailable(path + ": " + std::generic_category().message(errno)));
    }
    return {};
}

}  // namespace

// --- statements

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

void Statement::bind_at(int position, std::int64_t value) { sqlite3_bind_int64(statement_.get(), position, value); }

void Statement::bind_at(int position, std::string_view value) {
    // An empty view may have no address, which SQLite would take for NULL.
    char const* const text = value.empty() ? "" : value.data();
    sqlite3_bind_text(statement_.get(), position, text, static_cast<int>(value.size()), SQLITE_STATIC);
}

void Statement::bind_at(int position, std::optional<std::int64_t> value) {
    if (value) {
        sqlite3_bind_int64(statement_.get(), position, *value);
    } else {
        sqlite3_bind_null(statement_.get(), position);
    }
}

void Statement::bind_at(int position, std::optional<NanoUsd> value) {
    bind_at(position, value ? std::optional(value->count) : std::nullopt);
}

Result<bool> Statement::step() {
    int const code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
        reset();
        return false;
    }
    auto error = failed(*connection_, code);
    reset();
    return std::unexpected(std::move(error));
}

Result<> Statement::run() {
    return for_each([](Statement const&) {});
}

void Statement::reset() { sqlite3_reset(statement_.get()); }

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::optional<std::int64_t> Statement::maybe_integer(int column) const {
    if (sqlite3_column_type(statement_.get(), column) == SQLITE_NULL) return std::nullopt;
    return integer(column);
}

std::string_view Statement::text(int column) const {
    auto const* const bytes = reinterpret_cast<char const*>(sqlite3_column_text(statement_.get(), column));
    auto const size = sqlite3_column_bytes(statement_.get(), column);
    return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<std::size_t>(size));
}

// --- databases

void Database::Close::operator()(Connection* connection) const {
    sqlite3_close_v2(connection->handle);
    delete connection;
}

Result<Database> Database::open(std::string const& path, Opening how, std::chrono::milliseconds busy) {
    // Nobody asks SQLite for its memory, and counting takes a lock for each allocation. Before anything else of it.
    [[maybe_unused]] static int const uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (how == Opening::create) SLUICE_CHECK(make_file(path));
    Database database;
    database.connection_.reset(new Connection);
    auto& connection = *database.connection_;
    int const flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    if (int const code = sqlite3_open_v2(path.c_str(), &connection.handle, flags, nullptr); code != SQLITE_OK) {
        auto error = failed(connection, code);
        error.detail = path + ": " + error.detail.str();
        return std::unexpected(std::move(error));
    }
    sqlite3_extended_result_codes(connection.handle, 1);
    sqlite3_busy_timeout(connection.handle, static_cast<int>(busy.count()));
    sqlite3_wal_hook(
        connection.handle,
        [](void* of, sqlite3*, char const*, int pages) {
            static_cast<Connection*>(of)->log_pages = pages;
            return SQLITE_OK;
        },
        &connection);
    SLUICE_CHECK(
        database.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; "
                     "PRAGMA foreign_keys = OFF; PRAGMA cache_size = -8000;"));
    return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
    Statement statement;
    statement.connection_ = connection_.get();
    sqlite3_stmt* prepared = nullptr;
    int const code = sqlite3_prepare_v3(connection_->handle, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (code != SQLITE_OK) return std::unexpected(failed(*connection_, code));
    statement.statement_.reset(prepared);
    return statement;
}

Result<> Database::run(std::string const& sql) {
    int const code = sqlite3_exec(connection_->handle, sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return std::unexpected(failed(*connection_, code));
    return {};
}

Result<std::optional<std::int64_t>> Database::integer(std::string_view sql) {
    SLUICE_TRY(auto statement, prepare(sql));
    SLUICE_TRY(bool const row, statement.step());
    return row ? statement.maybe_integer(0) : std::nullopt;
}

std::int64_t Database::changes() const { return sqlite3_changes64(connection_->handle); }

Result<> Database::checkpoint() {
    int const code =
        sqlite3_wal_checkpoint_v2(connection_->handle, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    // Busy: another one is at it.
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) return std::unexpected(failed(*connection_, code));
    return {};
}

Result<> Database::restart_log() {
    int const code =
        sqlite3_wal_checkpoint_v2(connection_->handle, nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
    if (code != SQLITE_OK && (code & 0xFF) != SQLITE_BUSY) return std::unexpected(failed(*connection_, code));
    return {};
}

Result<bool> Database::empty_log() {
    int in_log = 0;
    int copied = 0;
    int const code =
        sqlite3_wal_checkpoint_v2(connection_->handle, nullptr, SQLITE_CHECKPOINT_TRUNCATE, &in_log, &copied);
    if (code == SQLITE_OK) return true;
    if ((code & 0xFF) == SQLITE_BUSY && in_log == copied) return false;
    return std::unexpected(failed(*connection_, code));
}

std::int64_t Database::log_pages() const { return connection_->log_pages; }

bool Database::broken() const { return connection_->broken; }

bool Database::conflicted() const { return connection_->conflicted; }

void Database::distrust() { sqlite3_db_config(connection_->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

// --- transactions

Result<Transaction> Transaction::begin(Database& database) {
    SLUICE_CHECK(database.run("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Result<Transaction> Transaction::begin_reading(Database& database) {
    SLUICE_CHECK(database.run("BEGIN"));
    return Transaction(database);
}

Transaction::~Transaction() {
    // Some errors have rolled it back already, and then this one says that there is none.
    if (database_ != nullptr) std::ignore = database_->run("ROLLBACK");
}

Result<> Transaction::commit() {
    SLUICE_CHECK(database_->run("COMMIT"));
    database_ = nullptr;
    return {};
}

}  // namespace sluice::store::sqlite

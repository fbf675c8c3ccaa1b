#include "server/store/postgres.hpp"

#include <dlfcn.h>
#include <libpq-fe.h>
#include <poll.h>

#include <array>
#include <charconv>
#include <utility>

#include "core/types/clock.hpp"

namespace sluice::store {

using std::chrono::milliseconds;

// --- the client library ----------------------------------------------------------------------------------------------

/// The functions that we call. A gateway without a PostgreSQL URL links nothing of them (docs/decisions/0012).
struct Libpq {
    decltype(&::PQconninfoParse) conninfo_parse = nullptr;
    decltype(&::PQconninfoFree) conninfo_free = nullptr;
    decltype(&::PQfreemem) freemem = nullptr;
    decltype(&::PQconnectdbParams) connect = nullptr;
    decltype(&::PQfinish) finish = nullptr;
    decltype(&::PQstatus) status = nullptr;
    decltype(&::PQerrorMessage) error_message = nullptr;
    decltype(&::PQsocket) socket = nullptr;
    decltype(&::PQsetnonblocking) set_nonblocking = nullptr;
    decltype(&::PQsetNoticeReceiver) set_notice_receiver = nullptr;
    decltype(&::PQflush) flush = nullptr;
    decltype(&::PQconsumeInput) consume_input = nullptr;
    decltype(&::PQisBusy) is_busy = nullptr;
    decltype(&::PQgetResult) get_result = nullptr;
    decltype(&::PQsendQueryParams) send_query = nullptr;
    decltype(&::PQenterPipelineMode) enter_pipeline = nullptr;
    decltype(&::PQpipelineSync) pipeline_sync = nullptr;
    decltype(&::PQresultStatus) result_status = nullptr;
    decltype(&::PQresultErrorField) result_error_field = nullptr;
    decltype(&::PQntuples) ntuples = nullptr;
    decltype(&::PQgetvalue) getvalue = nullptr;
    decltype(&::PQgetlength) getlength = nullptr;
    decltype(&::PQgetisnull) getisnull = nullptr;
    decltype(&::PQclear) clear = nullptr;
};

namespace {

std::string loader_error() {
    char const* const text = ::dlerror();
    return text != nullptr ? text : "";
}

/// Finds the functions one by one, and remembers the first that is missing.
class Binder {
public:
    explicit Binder(void* library) : library_(library) {}

    template <class Function>
    void bind(char const* name, Function& function) {
        function = reinterpret_cast<Function>(::dlsym(library_, name));
        if (function == nullptr && missing_.empty()) missing_ = name;
    }
    std::string const& missing() const { return missing_; }

private:
    void* library_;
    std::string missing_{};
};

void bind_all(Binder& binder, Libpq& libpq) {
    binder.bind("PQconninfoParse", libpq.conninfo_parse);
    binder.bind("PQconninfoFree", libpq.conninfo_free);
    binder.bind("PQfreemem", libpq.freemem);
    binder.bind("PQconnectdbParams", libpq.connect);
    binder.bind("PQfinish", libpq.finish);
    binder.bind("PQstatus", libpq.status);
    binder.bind("PQerrorMessage", libpq.error_message);
    binder.bind("PQsocket", libpq.socket);
    binder.bind("PQsetnonblocking", libpq.set_nonblocking);
    binder.bind("PQsetNoticeReceiver", libpq.set_notice_receiver);
    binder.bind("PQflush", libpq.flush);
    binder.bind("PQconsumeInput", libpq.consume_input);
    binder.bind("PQisBusy", libpq.is_busy);
    binder.bind("PQgetResult", libpq.get_result);
    binder.bind("PQsendQueryParams", libpq.send_query);
    binder.bind("PQenterPipelineMode", libpq.enter_pipeline);
    binder.bind("PQpipelineSync", libpq.pipeline_sync);
    binder.bind("PQresultStatus", libpq.result_status);
    binder.bind("PQresultErrorField", libpq.result_error_field);
    binder.bind("PQntuples", libpq.ntuples);
    binder.bind("PQgetvalue", libpq.getvalue);
    binder.bind("PQgetlength", libpq.getlength);
    binder.bind("PQgetisnull", libpq.getisnull);
    binder.bind("PQclear", libpq.clear);
}

/// Loads the library, for as long as the process runs.
Result<Libpq const*> load_libpq() {
    // Never closed: libpq leaves callbacks in OpenSSL.
    void* const library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return std::unexpected(
            Error{.kind = ErrorKind::ledger_unavailable,
                  .detail = "PostgreSQL needs its client library: install libpq5 (" + loader_error() + ")"});
    static Libpq functions;
    Binder binder(library);
    bind_all(binder, functions);
    if (!binder.missing().empty())
        return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable,
                                     .detail = "libpq.so.5 is older than 14: it has no " + binder.missing()});
    return &functions;
}

/// Once; then it stays as it was found. Thread: any.
Result<Libpq const*> libpq_of_process() {
    static Result<Libpq const*> const loaded = load_libpq();
    return loaded;
}

}  // namespace

// --- rows ------------------------------------------------------------------------------------------------------------

class PostgresRows::Answer {
public:
    Answer(Libpq const& libpq, ::PGresult* result) : libpq_(libpq), result_(result) {}
    Answer(Answer const&) = delete;
    Answer& operator=(Answer const&) = delete;
    ~Answer() { libpq_.clear(result_); }

    Libpq const& libpq() const { return libpq_; }
    ::PGresult* result() const { return result_; }

private:
    Libpq const& libpq_;
    ::PGresult* result_;
};

int PostgresRows::size() const { return answer_->libpq().ntuples(answer_->result()); }

bool PostgresRows::is_null(int row, int column) const {
    return answer_->libpq().getisnull(answer_->result(), row, column) != 0;
}

std::string_view PostgresRows::text(int row, int column) const {
    auto const length = answer_->libpq().getlength(answer_->result(), row, column);
    return {answer_->libpq().getvalue(answer_->result(), row, column), static_cast<std::size_t>(length)};
}

std::int64_t PostgresRows::number(int row, int column) const {
    auto const digits = text(row, column);
    if (digits == "t") return 1;
    std::int64_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
}

// --- connection ------------------------------------------------------------------------------------------------------

namespace {

/// What the server answered to several statements, or why it did not.
struct Answers {
    std::vector<PostgresRows> rows{};
    std::string error{};  ///< empty: all went well
    bool duplicate = false;
};

constexpr std::string_view duplicate_state = "23505";  // unique_violation

void ignore_notice(void*, ::PGresult const*) {}

}  // namespace

/// Always in pipeline mode: any number of statements, one answer each, then the synchronisation point that ends their
/// transaction.
class Postgres::Connection {
public:
    Connection(Libpq const& libpq, ::PGconn* connection) : libpq_(libpq), connection_(connection) {}
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;
    ~Connection() { libpq_.finish(connection_); }

    bool prepare() {
        libpq_.set_notice_receiver(connection_, ignore_notice, nullptr);
        return libpq_.status(connection_) == CONNECTION_OK && libpq_.set_nonblocking(connection_, 1) == 0 &&
               libpq_.enter_pipeline(connection_) == 1;
    }

    bool send(PostgresStatement const& statement) {
        std::vector<char const*> values;
        values.reserve(statement.parameters.size());
        for (auto const& parameter : statement.parameters) values.push_back(parameter ? parameter->c_str() : nullptr);
        return libpq_.send_query(connection_, statement.sql, static_cast<int>(values.size()), nullptr, values.data(),
                                 nullptr, nullptr, 0) == 1;
    }

    /// After the last send(). False: the connection is of no more use; error() says why.
    bool receive(Answers& answers, Instant until) {
        if (libpq_.pipeline_sync(connection_) != 1 || !write_out(until)) return false;
        for (int ends = 0; ends < 2;) {  // one null ends a statement's answers, two mean that there is nothing more
            if (!wait_for_answer(until)) return false;
            ::PGresult* const result = libpq_.get_result(connection_);
            if (result == nullptr) {
                ++ends;
                continue;
            }
            ends = 0;
            if (take(result, answers)) return true;
        }
        return false;
    }

    std::string error() const { return timed_out_ ? "no answer in time" : libpq_.error_message(connection_); }

private:
    /// True at the synchronisation point.
    bool take(::PGresult* result, Answers& answers) {
        PostgresRows rows(std::make_shared<PostgresRows::Answer>(libpq_, result));
        switch (libpq_.result_status(result)) {
            case PGRES_PIPELINE_SYNC:
                return true;
            case PGRES_COMMAND_OK:
            case PGRES_TUPLES_OK:
                answers.rows.push_back(std::move(rows));
                return false;
            case PGRES_PIPELINE_ABORTED:
                return false;
            default:
                read_error(result, answers);
                return false;
        }
    }

    void read_error(::PGresult const* result, Answers& answers) const {
        if (!answers.error.empty()) return;
        char const* const state = libpq_.result_error_field(result, PG_DIAG_SQLSTATE);
        char const* const text = libpq_.result_error_field(result, PG_DIAG_MESSAGE_PRIMARY);
        answers.duplicate = state != nullptr && state == duplicate_state;
        answers.error = text != nullptr ? text : "the connection broke";
        if (state != nullptr) answers.error += " (" + std::string(state) + ")";
    }

    bool write_out(Instant until) {
        for (;;) {
            int const left = libpq_.flush(connection_);
            if (left <= 0) return left == 0;
            // The server may have to be read from before it takes more.
            if (!wait(POLLIN | POLLOUT, until) || libpq_.consume_input(connection_) != 1) return false;
        }
    }

    bool wait_for_answer(Instant until) {
        while (libpq_.is_busy(connection_) != 0)
            if (!wait(POLLIN, until) || libpq_.consume_input(connection_) != 1) return false;
        return true;
    }

    bool wait(short events, Instant until) {
        ::pollfd waiting{.fd = libpq_.socket(connection_), .events = events, .revents = 0};
        auto const left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now()).count();
        timed_out_ = left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0;
        return !timed_out_;
    }

    Libpq const& libpq_;
    ::PGconn* connection_;
    bool timed_out_ = false;
};

// --- the two together ------------------------------------------------------------------------------------------------

namespace {

void replace_all(std::string& text, std::string_view what, std::string_view by) {
    if (what.empty()) return;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

}  // namespace

Postgres::Postgres(Libpq const& libpq, Secret url, Secret password)
    : libpq_(libpq), url_(std::move(url)), password_(std::move(password)) {}
Postgres::~Postgres() = default;

void Postgres::close() { connection_.reset(); }

Result<std::unique_ptr<Postgres>> Postgres::make(Secret const& url) {
    SLUICE_TRY(Libpq const* const libpq, libpq_of_process());
    std::string const text(url.expose());
    char* why = nullptr;
    ::PQconninfoOption* const options = libpq->conninfo_parse(text.c_str(), &why);
    libpq->freemem(why);  // not shown: it quotes the URL
    if (options == nullptr)
        return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable,
                                     .detail = "the PostgreSQL URL can't be read; it looks like "
                                               "postgresql://user:password@host:5432/database"});
    std::string password;
    for (auto const* option = options; option->keyword != nullptr; ++option)
        if (std::string_view(option->keyword) == "password" && option->val != nullptr) password = option->val;
    libpq->conninfo_free(options);
    return std::unique_ptr<Postgres>(new Postgres(*libpq, url, Secret(std::move(password))));
}

Error Postgres::failed(std::string_view what) const {
    std::string detail = "PostgreSQL: " + std::string(what);
    replace_all(detail, password_.expose(), "***");
    while (detail.ends_with('\n')) detail.pop_back();
    for (auto const* const space : {"\n", "\t"}) replace_all(detail, space, " ");
    return Error{.kind = ErrorKind::ledger_unavailable, .detail = std::move(detail)};
}

Result<> Postgres::connect() {
    if (connection_) return {};
    std::string const url(url_.expose());
    // What stands in the URL goes before what stands ahead of it here.
    std::array keywords{"connect_timeout",
                        "tcp_user_timeout",
                        "keepalives_idle",
                        "fallback_application_name",
                        "dbname",
                        "client_encoding",
                        static_cast<char const*>(nullptr)};
    std::array values{"2", "5000", "5", "sluice", url.c_str(), "UTF8", static_cast<char const*>(nullptr)};
    auto made = std::make_unique<Connection>(libpq_, libpq_.connect(keywords.data(), values.data(), 1));
    if (!made->prepare()) return std::unexpected(failed(made->error()));
    Answers answers;
    if (!made->send({.sql = "SET statement_timeout = 5000"}) || !made->send({.sql = "SET synchronous_commit = on"}) ||
        !made->receive(answers, std::chrono::steady_clock::now() + connect_timeout) || !answers.error.empty())
        return std::unexpected(failed(answers.error.empty() ? made->error() : answers.error));
    connection_ = std::move(made);
    return {};
}

Result<std::vector<PostgresRows>> Postgres::run_all(std::span<PostgresStatement const> statements,
                                                    milliseconds at_most) {
    was_duplicate_ = false;
    SLUICE_CHECK(connect());
    Answers answers;
    auto const until = std::chrono::steady_clock::now() + at_most;
    bool sent = at_most == usual_time || connection_->send({.sql = "SELECT set_config('statement_timeout', $1, true)",
                                                            .parameters = {std::to_string(at_most.count())}});
    for (auto const& statement : statements) sent = sent && connection_->send(statement);
    if (!sent || !connection_->receive(answers, until)) {
        auto const why = failed(answers.error.empty() ? connection_->error() : answers.error);
        close();
        return std::unexpected(why);
    }
    was_duplicate_ = answers.duplicate;
    if (!answers.error.empty()) return std::unexpected(failed(answers.error));
    if (at_most != usual_time) answers.rows.erase(answers.rows.begin());
    return std::move(answers.rows);
}

Result<PostgresRows> Postgres::run(PostgresStatement statement, milliseconds at_most) {
    SLUICE_TRY(auto rows, run_all(std::span(&statement, 1), at_most));
    return std::move(rows.front());
}

}  // namespace sluice::store

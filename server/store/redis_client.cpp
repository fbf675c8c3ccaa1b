#include "server/store/redis_client.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

namespace sluice::store {

using std::chrono::milliseconds;

namespace {

Error failed(std::string_view what) {
    return Error{.kind = ErrorKind::ledger_unavailable, .detail = "Redis: " + std::string(what)};
}

std::string words_for(int error) { return std::generic_category().message(error); }

struct FreeAddresses {
    void operator()(::addrinfo* list) const { ::freeaddrinfo(list); }
};
struct FreeTls {
    void operator()(::SSL* tls) const { ::SSL_free(tls); }
    void operator()(::SSL_CTX* context) const { ::SSL_CTX_free(context); }
};

/// What the last call on a socket or TLS session wants to wait for.
enum class Wants : std::uint8_t { nothing, reading, writing, failure };

}  // namespace

/// A socket that never blocks, with or without TLS, and what came out of it.
class RedisClient::Connection {
public:
    explicit Connection(int fd) : fd_(fd) {}
    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;
    ~Connection() {
        tls_.reset();
        ::close(fd_);
    }

    static Result<std::unique_ptr<Connection>> open(RedisUrl const& url, Instant until);

    Result<> send(std::string_view bytes, Instant until) {
        while (!bytes.empty()) {
            auto const [count, wants] = write_some(bytes);
            bytes.remove_prefix(count);
            if (count == 0) SLUICE_CHECK(wait(wants, until));
        }
        return {};
    }

    Result<RedisReply> receive(Instant until) {
        for (;;) {
            auto reply = reader_.next();
            if (!reply) return std::unexpected(failed(reply.error()));
            if (*reply) return *std::move(*reply);
            std::array<char, 16384> bytes{};
            auto const [count, wants] = read_some(bytes);
            reader_.feed({bytes.data(), count});
            if (count == 0) SLUICE_CHECK(wait(wants, until));
        }
    }

private:
    struct Progress {
        std::size_t count = 0;
        Wants wants = Wants::nothing;
    };

    Result<> wait(Wants wants, Instant until) const {
        if (wants == Wants::failure) return std::unexpected(failed("the connection was closed"));
        auto const left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now()).count();
        short const events = wants == Wants::reading ? POLLIN : POLLOUT;
        ::pollfd waiting{.fd = fd_, .events = events, .revents = 0};
        if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0)
            return std::unexpected(failed("no answer in time"));
        return {};
    }

    Wants tls_wants(int result) const {
        switch (::SSL_get_error(tls_.get(), result)) {
            case SSL_ERROR_WANT_READ:
                return Wants::reading;
            case SSL_ERROR_WANT_WRITE:
                return Wants::writing;
            default:
                return Wants::failure;
        }
    }
    static Wants socket_wants(Wants otherwise) {
        return errno == EAGAIN || errno == EINTR ? otherwise : Wants::failure;
    }

    Progress write_some(std::string_view bytes) {
        if (tls_) {
            std::size_t count = 0;
            ::ERR_clear_error();
            int const result = ::SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &count);
            return result == 1 ? Progress{.count = count} : Progress{.wants = tls_wants(result)};
        }
        auto const count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count > 0) return {.count = static_cast<std::size_t>(count)};
        return {.wants = socket_wants(Wants::writing)};
    }

    Progress read_some(std::span<char> bytes) {
        if (tls_) {
            std::size_t count = 0;
            ::ERR_clear_error();
            int const result = ::SSL_read_ex(tls_.get(), bytes.data(), bytes.size(), &count);
            return result == 1 ? Progress{.count = count} : Progress{.wants = tls_wants(result)};
        }
        auto const count = ::recv(fd_, bytes.data(), bytes.size(), 0);
        if (count > 0) return {.count = static_cast<std::size_t>(count)};
        return {.wants = count == 0 ? Wants::failure : socket_wants(Wants::reading)};
    }

    Result<> connect(::addrinfo const& address, Instant until) const {
        if (::connect(fd_, address.ai_addr, address.ai_addrlen) == 0) return {};
        if (errno != EINPROGRESS) return std::unexpected(failed(words_for(errno)));
        SLUICE_CHECK(wait(Wants::writing, until));
        int error = 0;
        ::socklen_t size = sizeof error;
        ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return std::unexpected(failed(words_for(error)));
        return {};
    }

    /// The server's certificate has to be one for `host`, by the system's authorities.
    Result<> begin_tls(std::string const& host, Instant until) {
        std::unique_ptr<::SSL_CTX, FreeTls> const context(::SSL_CTX_new(::TLS_client_method()));
        if (!context || ::SSL_CTX_set_default_verify_paths(context.get()) != 1)
            return std::unexpected(failed("TLS can't be set up"));
        ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
        ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
        tls_.reset(::SSL_new(context.get()));
        if (!tls_ || ::SSL_set_fd(tls_.get(), fd_) != 1 || ::SSL_set1_host(tls_.get(), host.c_str()) != 1)
            return std::unexpected(failed("TLS can't be set up"));
        ::SSL_set_tlsext_host_name(tls_.get(), host.c_str());
        for (;;) {
            ::ERR_clear_error();
            int const result = ::SSL_connect(tls_.get());
            if (result == 1) return {};
            auto const wants = tls_wants(result);
            if (wants == Wants::failure)
                return std::unexpected(failed(std::string("TLS failed: ") +
                                              ::X509_verify_cert_error_string(::SSL_get_verify_result(tls_.get()))));
            SLUICE_CHECK(wait(wants, until));
        }
    }

    int fd_;
    std::unique_ptr<::SSL, FreeTls> tls_{};
    RedisReader reader_{};
};

Result<std::unique_ptr<RedisClient::Connection>> RedisClient::Connection::open(RedisUrl const& url, Instant until) {
    ::addrinfo const hints{.ai_flags = AI_ADDRCONFIG,
                           .ai_family = AF_UNSPEC,
                           .ai_socktype = SOCK_STREAM,
                           .ai_protocol = 0,
                           .ai_addrlen = 0,
                           .ai_addr = nullptr,
                           .ai_canonname = nullptr,
                           .ai_next = nullptr};
    ::addrinfo* found = nullptr;
    int const problem = ::getaddrinfo(url.host.c_str(), url.port.c_str(), &hints, &found);
    if (problem != 0) return std::unexpected(failed(url.host + ": " + ::gai_strerror(problem)));
    std::unique_ptr<::addrinfo, FreeAddresses> const addresses(found);
    Error last = failed(url.host + " has no address");
    for (auto const* address = addresses.get(); address != nullptr; address = address->ai_next) {
        int const fd = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) return std::unexpected(failed(words_for(errno)));
        auto connection = std::make_unique<Connection>(fd);
        int const on = 1;
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        auto opened = connection->connect(*address, until);
        if (opened && url.tls) opened = connection->begin_tls(url.host, until);
        if (opened) return connection;
        last = opened.error();
    }
    return std::unexpected(std::move(last));
}

RedisClient::RedisClient(RedisUrl url) : url_(std::move(url)) {}
RedisClient::~RedisClient() = default;

Result<std::unique_ptr<RedisClient>> RedisClient::make(Secret const& url) {
    auto read = read_redis_url(url.expose());
    if (!read)
        return std::unexpected(Error{.kind = ErrorKind::invalid_value,
                                     .message = "the Redis URL can't be read: " + read.error(),
                                     .detail = "the Redis URL can't be read: " + read.error()});
    return std::unique_ptr<RedisClient>(new RedisClient(*std::move(read)));
}

Result<> RedisClient::connect(Instant until) {
    if (connection_) return {};
    SLUICE_TRY(connection_, Connection::open(url_, until));
    std::vector<RedisCommand> greeting;
    std::string const password(url_.password.expose());
    if (!url_.user.empty()) {
        greeting.push_back({"AUTH", url_.user, password});
    } else if (!password.empty()) {
        greeting.push_back({"AUTH", password});
    }
    greeting.push_back({"SELECT", url_.database});
    SLUICE_TRY(auto const replies, exchange(greeting, until));
    for (auto const& reply : replies) {
        if (reply.kind != RedisReply::Kind::error) continue;
        connection_.reset();
        return std::unexpected(failed(reply.text));
    }
    return {};
}

Result<std::vector<RedisReply>> RedisClient::exchange(std::vector<RedisCommand> const& commands, Instant until) {
    std::string bytes;
    for (auto const& command : commands) append_command(bytes, command);
    std::vector<RedisReply> replies;
    auto attempt = [&]() -> Result<> {
        SLUICE_CHECK(connection_->send(bytes, until));
        while (replies.size() < commands.size()) {
            SLUICE_TRY(auto reply, connection_->receive(until));
            replies.push_back(std::move(reply));
        }
        return {};
    };
    auto done = attempt();
    if (done) return replies;
    connection_.reset();
    return std::unexpected(std::move(done.error()));
}

Result<std::vector<RedisReply>> RedisClient::run(std::vector<RedisCommand> const& commands, Instant until) {
    SLUICE_CHECK(connect(until));
    return exchange(commands, until);
}

Result<RedisReply> RedisClient::run(RedisCommand command) {
    std::vector<RedisCommand> const one{std::move(command)};
    SLUICE_TRY(auto replies, run(one));
    if (replies.front().kind == RedisReply::Kind::error) return std::unexpected(failed(replies.front().text));
    return std::move(replies.front());
}

}  // namespace sluice::store

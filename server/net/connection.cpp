#include "server/net/connection.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace sluice::net {
namespace {

constexpr std::size_t max_pieces = 16;
constexpr std::size_t tls_record = 16 * 1024;
constexpr unsigned reads_per_turn = 32;

/// What of `pieces` fits into one system call.
struct Gather {
    std::array<iovec, max_pieces> parts{};
    std::size_t count = 0;
};

Gather gather(Pieces pieces) {
    Gather gathered;
    for (auto piece : pieces.first(std::min(pieces.size(), max_pieces))) {
        gathered.parts[gathered.count++] = {const_cast<char*>(piece.data()), piece.size()};
    }
    return gathered;
}

IoResult from_errno() {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {IoStatus::want_write, 0};
    return {IoStatus::failed, 0};
}

IoResult from_tls(SSL* tls, int returned) {
    switch (SSL_get_error(tls, returned)) {
        case SSL_ERROR_WANT_READ:
            return {IoStatus::want_read, 0};
        case SSL_ERROR_WANT_WRITE:
            return {IoStatus::want_write, 0};
        case SSL_ERROR_ZERO_RETURN:
            return {IoStatus::end, 0};
        default:
            return {IoStatus::failed, 0};
    }
}

/// Drops the first `bytes` of the pieces; returns how many whole pieces are gone.
std::size_t drop_front(std::span<std::string_view> pieces, std::size_t bytes) {
    std::size_t done = 0;
    while (done < pieces.size() && bytes >= pieces[done].size()) bytes -= pieces[done++].size();
    if (done < pieces.size()) pieces[done].remove_prefix(bytes);
    return done;
}

}  // namespace

/// What OpenSSL reads from and writes to: a connection learns on the way that its socket is empty or full.
struct TlsSocket {
    static Connection& of(BIO* bio) { return *static_cast<Connection*>(BIO_get_data(bio)); }

    static int read(BIO* bio, char* into, int size) {
        auto const result = of(bio).receive({into, static_cast<std::size_t>(size)});
        if (result.status == IoStatus::end) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        return returned(bio, result);
    }

    static int write(BIO* bio, char const* from, int size) {
        std::string_view const piece(from, static_cast<std::size_t>(size));
        return returned(bio, of(bio).send({&piece, 1}));
    }

    static int returned(BIO* bio, IoResult result) {
        BIO_clear_retry_flags(bio);
        if (result.status == IoStatus::want_read) BIO_set_retry_read(bio);
        if (result.status == IoStatus::want_write) BIO_set_retry_write(bio);
        if (result.status == IoStatus::end) return 0;
        return result.status == IoStatus::ok ? static_cast<int>(result.bytes) : -1;
    }

    static long control(BIO* bio, int command, long, void*) {
        if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }

    static BIO_METHOD* make_method() {
        auto* const method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
        BIO_meth_set_read(method, read);
        BIO_meth_set_write(method, write);
        BIO_meth_set_ctrl(method, control);
        return method;
    }

    static BIO* make(Connection& connection) {
        static BIO_METHOD* const method = make_method();  // as long as the process
        auto* const bio = BIO_new(method);
        BIO_set_data(bio, &connection);
        BIO_set_init(bio, 1);
        return bio;
    }
};

Connection::~Connection() {
    if (observer_) observer_->connection_closed();
    // Without this OpenSSL takes the end for a failure, and the session's ticket for spoilt: no resumption ever.
    if (tls_) SSL_set_shutdown(tls_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void Connection::use_tls(TlsHandle handle) {
    auto* const bio = TlsSocket::make(*this);
    SSL_set_bio(handle.get(), bio, bio);
    tls_ = std::move(handle);
}

void Connection::observe(ConnectionObserver& observer) {
    observer_ = &observer;
    observer_->connection_opened();
}

/// A part of a record is nothing to read: its rest will be announced.
bool Connection::has_pending() const { return tls_ && !holds_part_of_record_ && SSL_has_pending(tls_.get()) == 1; }

IoResult Connection::read_some(std::span<char> into) { return tls_ ? read_tls(into) : receive(into); }

IoResult Connection::write_some(Pieces pieces) { return tls_ ? write_tls(pieces) : send(pieces); }

IoResult Connection::receive(std::span<char> into) {
    auto const got = ::recv(fd(), into.data(), into.size(), 0);
    if (got > 0) {
        if (static_cast<std::size_t>(got) < into.size()) drained();  // spares the read that finds nothing
        return {IoStatus::ok, static_cast<std::size_t>(got)};
    }
    if (got == 0) return {IoStatus::end, 0};
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return {IoStatus::failed, 0};
    drained();
    return {IoStatus::want_read, 0};
}

IoResult Connection::send(Pieces pieces) {
    auto gathered = gather(pieces);
    msghdr message{};
    message.msg_iov = gathered.parts.data();
    message.msg_iovlen = gathered.count;
    auto const sent = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (sent >= 0) return IoResult{IoStatus::ok, static_cast<std::size_t>(sent)};
    auto const result = from_errno();
    if (result.status == IoStatus::want_write) filled();
    return result;
}

IoResult Connection::read_tls(std::span<char> into) {
    ERR_clear_error();
    std::size_t got = 0;
    int const returned = SSL_read_ex(tls_.get(), into.data(), into.size(), &got);
    auto const result = returned == 1 ? IoResult{IoStatus::ok, got} : from_tls(tls_.get(), returned);
    holds_part_of_record_ = result.status == IoStatus::want_read;
    return result;
}

IoResult Connection::write_tls(Pieces pieces) {
    ERR_clear_error();
    // One record for what is sent together: small pieces are collected, a large one goes as it is.
    std::array<char, tls_record> record;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    std::size_t size = 0;
    std::string_view out = pieces.front();
    if (pieces.size() > 1 && out.size() < tls_record) {
        for (auto piece : pieces) {
            auto const part = piece.substr(0, tls_record - size);
            std::memcpy(record.data() + size, part.data(), part.size());
            size += part.size();
            if (size == tls_record) break;
        }
        out = {record.data(), size};
    }
    std::size_t sent = 0;
    int const returned = SSL_write_ex(tls_.get(), out.data(), out.size(), &sent);
    return returned == 1 ? IoResult{IoStatus::ok, sent} : from_tls(tls_.get(), returned);
}

Task<IoResult> Connection::read(std::span<char> into, Instant until) {
    // A peer that sends as fast as we read must not keep the worker to itself.
    if (++reads_ % reads_per_turn == 0) co_await worker().turn();
    while (true) {
        auto const result = read_some(into);
        if (result.status != IoStatus::want_read && result.status != IoStatus::want_write) co_return result;
        auto const waited = co_await wait(result.status, until);
        if (waited != IoStatus::ok) co_return IoResult{waited, 0};
    }
}

Task<IoStatus> Connection::write_all(Pieces pieces, milliseconds stall, Instant until) {
    std::size_t total = 0;
    for (auto piece : pieces) total += piece.size();
    if (total == 0) co_return IoStatus::ok;  // OpenSSL does not know how to write nothing
    auto result = write_some(pieces);
    if (result.status == IoStatus::ok && result.bytes == total) co_return IoStatus::ok;

    std::vector<std::string_view> rest(pieces.begin(), pieces.end());
    std::span<std::string_view> left(rest);
    while (true) {
        if (result.status == IoStatus::ok) {
            left = left.subspan(drop_front(left, result.bytes));
            if (left.empty()) co_return IoStatus::ok;
        } else if (result.status == IoStatus::want_read || result.status == IoStatus::want_write) {
            auto const waited = co_await wait(result.status, earlier(until, after(worker().now(), stall)));
            if (waited != IoStatus::ok) co_return waited;
        } else {
            co_return result.status;
        }
        result = write_some(left);
    }
}

Task<IoStatus> Connection::connect(Address const& address, Instant until) {
    expect_news();
    if (::connect(fd(), address.raw(), address.size()) == 0) co_return IoStatus::ok;
    if (errno != EINPROGRESS) co_return IoStatus::failed;
    auto const waited = co_await wait(IoStatus::want_write, until);
    if (waited != IoStatus::ok) co_return waited;
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
    co_return error == 0 ? IoStatus::ok : IoStatus::failed;
}

Task<IoStatus> Connection::handshake(Instant until) {
    while (true) {
        ERR_clear_error();
        int const returned = SSL_do_handshake(tls_.get());
        if (returned == 1) co_return IoStatus::ok;
        auto const result = from_tls(tls_.get(), returned);
        if (result.status != IoStatus::want_read && result.status != IoStatus::want_write) co_return IoStatus::failed;
        auto const waited = co_await wait(result.status, until);
        if (waited != IoStatus::ok) co_return waited;
    }
}

void Connection::watch(std::function<void()> on_readable) {
    on_readable_ = std::move(on_readable);
    if (may(IoStatus::want_read) || has_pending()) arrived();
}

void Connection::arrived() {
    if (on_readable_) std::exchange(on_readable_, nullptr)();
}

void Connection::shutdown_send() {
    if (tls_) {
        ERR_clear_error();
        SSL_shutdown(tls_.get());
    }
    ::shutdown(fd(), SHUT_WR);
}

void Connection::abort() {
    linger const at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void tune(int fd, int receive_buffer, int send_buffer) {
    auto set = [fd](int level, int option, int value) { ::setsockopt(fd, level, option, &value, sizeof value); };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    // A peer that vanished without a word is noticed after a minute, not after the kernel's two hours.
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 30);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
    if (receive_buffer > 0) set(SOL_SOCKET, SO_RCVBUF, receive_buffer);
    if (send_buffer > 0) set(SOL_SOCKET, SO_SNDBUF, send_buffer);
}

}  // namespace sluice::net

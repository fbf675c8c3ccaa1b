#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

namespace sluice::bench {
namespace {

Progress progress_of_errno() { return errno == EAGAIN || errno == EINTR ? Progress::again : Progress::failed; }

Progress progress_of_tls(SSL* session, int result) {
    switch (SSL_get_error(session, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE:
            return Progress::again;
        case SSL_ERROR_ZERO_RETURN:
            return Progress::closed;
        default:
            return Progress::failed;
    }
}

}  // namespace

void CloseContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
void CloseSession::operator()(SSL* session) const { SSL_free(session); }

TlsContext make_tls_context() {
    TlsContext context(SSL_CTX_new(TLS_client_method()));
    if (!context) throw std::runtime_error("no TLS context");
    SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context.get(), 1);
    return context;
}

Connection::~Connection() { close(); }

void Connection::close() {
    tls_.reset();
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
}

Progress Connection::connect(Options const& options, SSL_CTX* tls) {
    close();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options.port);
    if (::inet_pton(AF_INET, options.address.c_str(), &address.sin_addr) != 1) return Progress::failed;
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor_ < 0) return Progress::failed;
    int const on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (tls != nullptr) {
        tls_.reset(SSL_new(tls));
        if (!tls_ || SSL_set_fd(tls_.get(), descriptor_) != 1) return Progress::failed;
        SSL_set_connect_state(tls_.get());
    }
    if (::connect(descriptor_, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0) return Progress::done;
    return errno == EINPROGRESS ? Progress::again : Progress::failed;
}

Progress Connection::finish_connect() {
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &failure, &size);
    return failure == 0 ? Progress::done : Progress::failed;
}

Progress Connection::handshake() {
    if (!tls_) return Progress::done;
    ERR_clear_error();  // another connection's would be taken for this one's
    int result = SSL_do_handshake(tls_.get());
    return result == 1 ? Progress::done : progress_of_tls(tls_.get(), result);
}

Transfer Connection::write(RequestText const& request, Nonce const& nonce, std::size_t offset) {
    if (tls_) return write_tls(request, nonce, offset);
    std::array<std::string_view, 3> const parts{
        request.before, request.has_nonce ? std::string_view(nonce.data(), nonce.size()) : std::string_view(),
        request.after};
    std::array<iovec, 3> vectors{};
    int used = 0;
    for (auto part : parts) {
        auto skip = std::min(offset, part.size());
        offset -= skip;
        part.remove_prefix(skip);
        if (!part.empty()) vectors[used++] = {const_cast<char*>(part.data()), part.size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = static_cast<std::size_t>(used);
    auto written = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    if (written < 0) return {progress_of_errno(), 0};
    return {Progress::done, static_cast<std::size_t>(written)};
}

Transfer Connection::write_tls(RequestText const& request, Nonce const& nonce, std::size_t offset) {
    if (offset == 0) {
        whole_ = request.before;
        if (request.has_nonce) whole_.append(nonce.data(), nonce.size()).append(request.after);
    }
    std::size_t written = 0;
    ERR_clear_error();
    int result = SSL_write_ex(tls_.get(), whole_.data() + offset, whole_.size() - offset, &written);
    if (result == 1) return {Progress::done, written};
    return {progress_of_tls(tls_.get(), result), 0};
}

Transfer Connection::read(std::span<char> buffer) {
    if (tls_) {
        std::size_t got = 0;
        ERR_clear_error();
        int result = SSL_read_ex(tls_.get(), buffer.data(), buffer.size(), &got);
        if (result == 1) return {Progress::done, got};
        return {progress_of_tls(tls_.get(), result), 0};
    }
    auto got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (got < 0) return {progress_of_errno(), 0};
    if (got == 0) return {Progress::closed, 0};
    return {Progress::done, static_cast<std::size_t>(got)};
}

}  // namespace sluice::bench

#include "server/lab/wire.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>

namespace sluice::lab {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace

/// Works on the wire's own socket, so that FIN and RST stay possible under it.
struct Wire::Tls {
    asio::ssl::stream<asio::ip::tcp::socket&> stream;
};

Wire::Wire(asio::ip::tcp::socket socket, asio::ssl::context* tls) : socket_(std::move(socket)) {
    if (tls) tls_.reset(new Tls{asio::ssl::stream<asio::ip::tcp::socket&>(socket_, *tls)});
    Code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
}

Wire::~Wire() = default;

asio::awaitable<Code> Wire::handshake() {
    if (!tls_) co_return Code{};
    auto [failure] = co_await tls_->stream.async_handshake(asio::ssl::stream_base::server, as_result);
    co_return failure;
}

asio::awaitable<std::pair<Code, std::size_t>> Wire::read(asio::mutable_buffer buffer) {
    if (tls_) {
        auto [failure, size] = co_await tls_->stream.async_read_some(buffer, as_result);
        co_return std::pair(failure, size);
    }
    auto [failure, size] = co_await socket_.async_read_some(buffer, as_result);
    co_return std::pair(failure, size);
}

std::size_t Wire::try_write(std::string_view bytes, Code& failure) {
    if (tls_) return 0;
    auto sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return static_cast<std::size_t>(sent);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        failure = Code(errno, boost::system::system_category());
    return 0;
}

asio::awaitable<Code> Wire::write(std::string_view bytes) {
    auto buffer = asio::const_buffer(bytes.data(), bytes.size());
    if (tls_) {
        auto [failure, size] = co_await asio::async_write(tls_->stream, buffer, as_result);
        co_return failure;
    }
    auto [failure, size] = co_await asio::async_write(socket_, buffer, as_result);
    co_return failure;
}

asio::awaitable<void> Wire::say_goodbye() {
    if (tls_) co_await tls_->stream.async_shutdown(as_result);
}

bool Wire::peer_is_gone() {
    pollfd descriptor{socket_.native_handle(), POLLRDHUP, 0};
    return ::poll(&descriptor, 1, 0) > 0 && (descriptor.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Wire::send_fin() {
    Code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

void Wire::reset() {
    Code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

void Wire::close() {
    Code ignored;
    socket_.close(ignored);
}

asio::ip::tcp::socket& Wire::socket() { return socket_; }

}  // namespace sluice::lab

#include "server/http/listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "server/http/session.hpp"

namespace sluice::http {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;

constexpr int backlog = 4096;
constexpr int accepted_at_once = 64;
constexpr int client_receive_buffer = 256 * 1024;
constexpr int client_send_buffer = 128 * 1024;
constexpr milliseconds pause_without_descriptors{50};

/// What a connection above a limit gets, without its request being read.
constexpr std::string_view full_answer =
    "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n"
    "x-should-retry: true\r\ncontent-length: 116\r\n\r\n"
    R"({"error":{"message":"the gateway is overloaded; retry soon","type":"server_error","param":null,"code":"overloaded"}})";
static_assert(full_answer.size() - full_answer.find("\r\n\r\n") - 4 == 116);

Error bind_error(std::string const& host, std::uint16_t port, std::string const& why) {
    return Error{.kind = ErrorKind::internal,
                 .detail = "can't listen on " + host + ":" + std::to_string(port) + ": " + why};
}

std::string printed(asio::ip::address const& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
    }
    return address.to_string();
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
    auto const colon = text.rfind(':');
    auto const wrong = Error{.kind = ErrorKind::internal,
                             .detail = "'" + std::string(text) + "' is not HOST:PORT, such as 127.0.0.1:8080"};
    if (colon == std::string_view::npos) return std::unexpected(wrong);
    ListenAddress address;
    auto const digits = text.substr(colon + 1);
    auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::unexpected(wrong);
    auto host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    address.host = host.empty() ? "0.0.0.0" : host == "localhost" ? "127.0.0.1" : std::string(host);
    return address;
}

Result<> check_free(ListenAddress const& wanted) {
    boost::system::error_code error;
    auto const address = asio::ip::make_address(wanted.host, error);
    if (error) return std::unexpected(bind_error(wanted.host, wanted.port, "not an IP address"));
    asio::io_context context;
    Acceptor probe(context.get_executor());
    tcp::endpoint const endpoint(address, wanted.port);
    probe.open(endpoint.protocol(), error);
    if (!error) probe.set_option(Acceptor::reuse_address(true), error);
    if (!error) probe.bind(endpoint, error);
    if (error) return std::unexpected(bind_error(wanted.host, wanted.port, error.message()));
    return {};
}

Result<std::uint16_t> Listener::bind(std::string const& host, std::uint16_t port) {
    boost::system::error_code error;
    auto const address = asio::ip::make_address(host, error);
    if (error) return std::unexpected(bind_error(host, port, "not an IP address"));
    tcp::endpoint const endpoint(address, port);
    auto& acceptor = acceptors_.emplace_back(worker_.executor());
    acceptor.open(endpoint.protocol(), error);
    int const yes = 1;
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) ::setsockopt(acceptor.native_handle(), SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(backlog, error);
    // For accept4(). Asio's accept() waits for a connection all the same: to it this flag is its own business.
    if (!error) acceptor.native_non_blocking(true, error);
    if (!error) return acceptor.local_endpoint().port();
    acceptors_.pop_back();
    return std::unexpected(bind_error(host, port, error.message()));
}

Result<std::uint16_t> Listener::adopt(int descriptor) {
    boost::system::error_code error;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    auto& acceptor = acceptors_.emplace_back(worker_.executor());
    acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), descriptor, error);
    if (!error) acceptor.native_non_blocking(true, error);
    if (!error) return acceptor.local_endpoint().port();
    acceptors_.pop_back();
    return std::unexpected(bind_error("an inherited socket", 0, error.message()));
}

std::vector<int> Listener::descriptors() {
    std::vector<int> all;
    for (auto& acceptor : acceptors_) all.push_back(acceptor.native_handle());
    return all;
}

void Listener::start(net::TlsContext tls) {
    tls_ = std::move(tls);
    // Nobody would accept any more: that is worth ending for.
    for (auto& acceptor : acceptors_) {
        asio::co_spawn(worker_.executor(), accept(acceptor), [](std::exception_ptr const& bug) {
            if (bug) std::rethrow_exception(bug);
        });
    }
}

void Listener::report(std::exception_ptr const& bug) {
    if (!bug) return;
    try {
        std::rethrow_exception(bug);
    } catch (std::exception const& exception) {
        observer_.connection_failed(exception.what());
    } catch (...) {
        observer_.connection_failed("an exception that is none of std's");
    }
}

void Listener::close() {
    boost::system::error_code ignored;
    for (auto& acceptor : acceptors_) {
        // The kernel resets who is in the queue of a socket that is closed: they have connected, and are served.
        if (acceptor.is_open()) std::ignore = accept_waiting(acceptor, backlog);
        acceptor.close(ignored);
    }
}

Task<> Listener::accept(Acceptor& acceptor) {
    asio::use_awaitable_t<Executor> const awaited;
    auto const as_result = asio::as_tuple(awaited);
    while (acceptor.is_open()) {
        std::ignore = co_await acceptor.async_wait(Acceptor::wait_read, as_result);
        if (!acceptor.is_open()) co_return;
        if (accept_waiting(acceptor, accepted_at_once) == Accepted::all) continue;
        Cancellation never_cancelled;
        std::ignore = co_await worker_.sleep(pause_without_descriptors, never_cancelled);
    }
}

/// Takes what stands in the queue, but not so much that those who are in already wait.
Listener::Accepted Listener::accept_waiting(Acceptor& acceptor, int most) {
    for (int taken = 0; taken < most; ++taken) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        auto* const peer = reinterpret_cast<sockaddr*>(&address);
        int const fd = ::accept4(acceptor.native_handle(), peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) return Accepted::all;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Accepted::no_room;
            if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) return Accepted::no_room;  // no busy loop
            continue;  // accept(2): the connection was gone again, or had a network error; the next one is fine
        }
        tcp::endpoint endpoint;
        std::memcpy(endpoint.data(), peer, std::min<std::size_t>(size, endpoint.capacity()));
        net::Socket socket(worker_.executor());
        boost::system::error_code error;
        socket.assign(endpoint.protocol(), fd, error);
        if (error) {
            ::close(fd);
            continue;
        }
        accept_one(std::move(socket), endpoint);
    }
    return Accepted::all;
}

void Listener::accept_one(net::Socket socket, tcp::endpoint const& peer) {
    auto const* const memory = worker_.memory();
    bool const full = memory && memory->full();
    if (full || shared_.connections.load(std::memory_order_relaxed) >= handler_.limits().max_connections) {
        return turn_away(socket);
    }
    shared_.connections.fetch_add(1, std::memory_order_relaxed);
    net::tune(socket, client_receive_buffer, client_send_buffer);
    asio::co_spawn(worker_.executor(), serve(std::move(socket), printed(peer.address())),
                   [this](std::exception_ptr const& bug) {
                       shared_.connections.fetch_sub(1, std::memory_order_relaxed);
                       report(bug);
                   });
}

Task<> Listener::serve(net::Socket socket, std::string peer) {
    int const fd = socket.native_handle();
    Session session(worker_, std::move(socket), tls_ ? net::server_handle(tls_, fd) : nullptr, std::move(peer),
                    handler_, sessions_);
    session.connection().observe(observer_);
    co_await session.run();
}

/// With TLS there is nothing that could be said without a handshake.
void Listener::turn_away(net::Socket& socket) const {
    if (tls_) return;
    int const fd = socket.native_handle();
    std::ignore = ::send(fd, full_answer.data(), full_answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    // What has arrived already must not turn the close into a reset that overtakes the answer.
    std::array<char, 4096> dropped;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (int i = 0; i < 16 && ::recv(fd, dropped.data(), dropped.size(), MSG_DONTWAIT) > 0; ++i) {
    }
}

}  // namespace sluice::http

#include "server/http/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <initializer_list>
#include <system_error>
#include <utility>

#include "server/http/session.hpp"

namespace sluice::http {
namespace {

constexpr int backlog = 4096;
constexpr int accepted_at_once = 64;
constexpr int client_receive_buffer = 256 * 1024;
constexpr int client_send_buffer = 128 * 1024;
constexpr milliseconds pause_without_descriptors{50};
// Turning somebody away costs half of what a request does: a flood of it must not take the time of those who are in.
constexpr milliseconds pause_when_full{10};

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

/// A socket that is bound to `host`:`port`, with `option` set before.
Result<net::OwnedFd> bound_socket(std::string const& host, std::uint16_t port, std::initializer_list<int> options) {
    auto const address = net::Address::parse(host, port);
    if (!address) return std::unexpected(bind_error(host, port, "not an IP address"));
    net::OwnedFd socket(::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int const yes = 1;
    bool good = static_cast<bool>(socket);
    for (int const option : options) {
        good = good && ::setsockopt(socket.get(), SOL_SOCKET, option, &yes, sizeof yes) == 0;
    }
    if (!good || ::bind(socket.get(), address->raw(), address->size()) != 0) {
        return std::unexpected(bind_error(host, port, std::generic_category().message(errno)));
    }
    return socket;
}

net::Address local_address(net::OwnedFd const& socket) {
    sockaddr_storage raw{};
    socklen_t size = sizeof raw;
    ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&raw), &size);
    return {reinterpret_cast<sockaddr const*>(&raw), size};
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
    SLUICE_TRY(auto const probe, bound_socket(wanted.host, wanted.port, {SO_REUSEADDR}));
    return {};
}

class Listener::Acceptor final : public net::Descriptor {
public:
    using Descriptor::Descriptor;
    void all_accepted() { drained(); }
};

Listener::~Listener() = default;

Result<std::uint16_t> Listener::bind(std::string const& host, std::uint16_t port) {
    SLUICE_TRY(auto socket, bound_socket(host, port, {SO_REUSEADDR, SO_REUSEPORT}));
    if (::listen(socket.get(), backlog) != 0) {
        return std::unexpected(bind_error(host, port, std::generic_category().message(errno)));
    }
    return listen_on(std::move(socket));
}

Result<std::uint16_t> Listener::adopt(int descriptor) {
    int const flags = ::fcntl(descriptor, F_GETFL);
    if (flags < 0 || ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) != 0) {
        return std::unexpected(bind_error("an inherited socket", 0, std::generic_category().message(errno)));
    }
    return listen_on(net::OwnedFd(descriptor));
}

std::uint16_t Listener::listen_on(net::OwnedFd socket) {
    auto const port = local_address(socket).port();
    bound_.push_back(std::move(socket));
    return port;
}

std::vector<int> Listener::descriptors() {
    std::vector<int> all;
    all.reserve(bound_.size() + acceptors_.size());
    for (auto const& socket : bound_) all.push_back(socket.get());
    for (auto const& acceptor : acceptors_) all.push_back(acceptor->fd());
    return all;
}

void Listener::start(net::TlsContext tls) {
    tls_ = std::move(tls);
    // Nobody would accept any more: that is worth ending for.
    for (auto& socket : std::exchange(bound_, {})) {
        acceptors_.push_back(std::make_shared<Acceptor>(worker_, std::move(socket)));
        spawn(accept(acceptors_.back()), [](std::exception_ptr const& bug) {
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
    for (auto const& acceptor : std::exchange(acceptors_, {})) {
        // The kernel resets who is in the queue of a socket that is closed: they have connected, and are served.
        if (acceptor->is_open()) std::ignore = accept_waiting(*acceptor, backlog);
        acceptor->close();
        acceptor->cancelled();
    }
}

Task<> Listener::accept(std::shared_ptr<Acceptor> acceptor) {
    while (acceptor->is_open()) {
        if (co_await acceptor->wait(net::IoStatus::want_read, never) != net::IoStatus::ok) co_return;
        auto const accepted = accept_waiting(*acceptor, accepted_at_once);
        if (accepted == Accepted::some) co_await worker_.turn();
        if (accepted != Accepted::no_room && accepted != Accepted::full) continue;
        Cancellation never_cancelled;
        auto const pause = accepted == Accepted::full ? pause_when_full : pause_without_descriptors;
        std::ignore = co_await worker_.sleep(pause, never_cancelled);
    }
}

/// Takes what stands in the queue, but not so much that those who are in already wait.
Listener::Accepted Listener::accept_waiting(Acceptor& acceptor, int most) {
    int turned_away = 0;
    for (int taken = 0; taken < most; ++taken) {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        auto* const peer = reinterpret_cast<sockaddr*>(&address);
        int const fd = ::accept4(acceptor.fd(), peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (!accept_one(net::OwnedFd(fd), {peer, size})) ++turned_away;
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            acceptor.all_accepted();
            return Accepted::all;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) return Accepted::no_room;
        if (errno == EBADF || errno == EINVAL || errno == ENOTSOCK) return Accepted::no_room;  // no busy loop
        // accept(2): the connection was gone again, or had a network error; the next one is fine
    }
    return turned_away == most ? Accepted::full : Accepted::some;
}

bool Listener::accept_one(net::OwnedFd socket, net::Address const& peer) {
    auto const* const memory = worker_.memory();
    bool const full = memory && memory->full();
    if (full || shared_.connections.load(std::memory_order_relaxed) >= handler_.limits().max_connections) {
        turn_away(socket);
        return false;
    }
    shared_.connections.fetch_add(1, std::memory_order_relaxed);
    net::tune(socket.get(), client_receive_buffer, client_send_buffer);
    spawn(serve(std::move(socket), peer.host()), [this](std::exception_ptr const& bug) {
        shared_.connections.fetch_sub(1, std::memory_order_relaxed);
        report(bug);
    });
    return true;
}

Task<> Listener::serve(net::OwnedFd socket, std::string peer) {
    Session session(worker_, std::move(socket), tls_ ? net::server_handle(tls_) : nullptr, std::move(peer), handler_,
                    sessions_);
    session.connection().observe(observer_);
    co_await session.run();
}

/// With TLS there is nothing that could be said without a handshake.
void Listener::turn_away(net::OwnedFd const& socket) const {
    if (tls_) return;
    int const fd = socket.get();
    std::ignore = ::send(fd, full_answer.data(), full_answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd, SHUT_WR);
    // What has arrived already must not turn the close into a reset that overtakes the answer.
    std::array<char, 4096> dropped;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    for (int i = 0; i < 16 && ::recv(fd, dropped.data(), dropped.size(), MSG_DONTWAIT) > 0; ++i) {
    }
}

}  // namespace sluice::http

#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "server/http/server_request.hpp"
#include "server/http/session_set.hpp"
#include "server/net/connection.hpp"
#include "server/net/tls.hpp"
#include "server/net/worker.hpp"

namespace sluice::http {

/// What all listeners of one port share.
struct ListenerShared {
    std::atomic<std::uint64_t> connections{0};
};

/// One worker's acceptors on an address that all workers share (SO_REUSEPORT). Thread: the worker's; before start(),
/// any. It must outlive its sessions: see sessions().
class Listener {
public:
    Listener(net::Worker& worker, Handler& handler, ListenerShared& shared, net::ConnectionObserver& observer)
        : worker_(worker), handler_(handler), shared_(shared), observer_(observer) {}

    Listener(Listener const&) = delete;
    Listener& operator=(Listener const&) = delete;
    ~Listener();

    /// Binds and listens; `port` of the result is the real one. Errors: internal, with the address and the reason.
    Result<std::uint16_t> bind(std::string const& host, std::uint16_t port);
    /// Accepts from a socket that listens already, and owns it from now on. The result and errors are bind()'s.
    Result<std::uint16_t> adopt(int descriptor);
    /// What it listens with. Before start().
    std::vector<int> descriptors();

    /// Accepts until close(). With a context, every connection speaks TLS.
    void start(net::TlsContext tls);
    void use_tls(net::TlsContext tls) { tls_ = std::move(tls); }
    /// Takes who stands in the queue already, and accepts nothing more; open sessions go on.
    void close();
    SessionSet& sessions() { return sessions_; }
    SessionSet const& sessions() const { return sessions_; }

private:
    /// The listening socket in the worker's loop.
    class Acceptor;
    enum class Accepted : std::uint8_t { all, some, full, no_room };

    Task<> accept(std::shared_ptr<Acceptor> acceptor);
    Accepted accept_waiting(Acceptor& acceptor, int most);
    std::uint16_t listen_on(net::OwnedFd socket);
    /// False: there is no room, and it was told so.
    bool accept_one(net::OwnedFd socket, net::Address const& peer);
    void report(std::exception_ptr const& bug);
    Task<> serve(net::OwnedFd socket, std::string peer);
    void turn_away(net::OwnedFd const& socket) const;

    net::Worker& worker_;
    std::vector<net::OwnedFd> bound_;                   ///< until start()
    std::vector<std::shared_ptr<Acceptor>> acceptors_;  ///< mostly one; more when an earlier process had more workers
    Handler& handler_;
    ListenerShared& shared_;
    net::ConnectionObserver& observer_;
    SessionSet sessions_;
    net::TlsContext tls_;
};

struct ListenAddress {
    std::string host;
    std::uint16_t port = 0;
};

/// "127.0.0.1:8080", "[::1]:8080", ":8080" (every address). Errors: internal, with what would be right.
Result<ListenAddress> parse_listen(std::string_view text);

/// Fails when another process listens there already. Listeners share their port among the workers, so that bind() alone
/// would let two gateways take turns without anybody noticing. Errors: internal.
Result<> check_free(ListenAddress const& address);

}  // namespace sluice::http

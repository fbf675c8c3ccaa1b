#pragma once

#include <string>

#include "server/http/body_reader.hpp"
#include "server/http/input.hpp"
#include "server/http/request_head.hpp"
#include "server/http/server_request.hpp"
#include "server/net/connection.hpp"

namespace sluice::http {

class SessionSet;

/// One client connection: takes its requests one at a time and in order, refuses what ROBUSTNESS.md says, and notices
/// when the client leaves while a request is worked on. Thread: its worker's.
class Session {
public:
    Session(net::Worker& worker, net::OwnedFd socket, net::TlsHandle tls, std::string peer, Handler& handler,
            SessionSet& sessions);
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;
    ~Session();

    Task<> run();
    net::Connection& connection() { return connection_; }

    /// The answer that is being worked on is the last one, unless its head has promised otherwise.
    void close_afterwards();
    /// Closes the connection if nothing of a request has come for `time`, after a last look.
    void close_if_quiet(Duration time);
    /// Ends the request that is being worked on, with a server_shutdown error.
    void cancel();

private:
    enum class Next : bool { request, close };

    Task<Next> serve_one();
    [[gnu::noinline]] Task<Next> read_head();
    [[gnu::noinline]] Task<Next> refuse(Error error);
    [[gnu::noinline]] Task<Next> finish(ServerRequest const& request);
    void forget(BodyReader& body);
    void watch_client();
    void client_readable();
    [[gnu::noinline]] Task<> linger();
    ReplyRules rules(bool keep_alive) const;
    std::string request_id();

    net::Worker& worker_;
    net::Connection connection_;
    std::string peer_;
    Handler& handler_;
    SessionSet& sessions_;
    Input input_;
    RequestHeadParser parser_;
    Cancellation* cancellation_ = nullptr;  ///< of the request that is being worked on
    Reply* reply_ = nullptr;                ///< to it
    std::string early_;                     ///< what the client pipelined while its request was worked on
    bool first_ = true;
    bool forgotten_ = false;      ///< the bytes of the request that is being worked on are gone
    bool waiting_quiet_ = false;  ///< for the first byte of a request
    Instant quiet_since_{};
};

}  // namespace sluice::http

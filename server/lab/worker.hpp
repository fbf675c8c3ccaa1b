#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/lab/kitchen.hpp"
#include "server/lab/wire.hpp"

namespace sluice::lab {

/// One thread of the lab: its own acceptor on the shared port, its own connections.
class Worker {
public:
    Worker(Shared& shared, asio::ssl::context* tls);

    /// Listens. Errors are thrown: this is startup.
    void listen(asio::ip::tcp::endpoint const& endpoint);
    asio::ip::tcp::endpoint endpoint() const { return endpoint_; }
    /// Blocks until stop().
    void run();
    /// Thread: any.
    void stop();
    /// Closes the listening socket for a while; connections that are open stay. Thread: any.
    void refuse_for(Duration time);

private:
    asio::awaitable<void> accept();
    asio::awaitable<void> wait_for(Duration time);

    Shared& shared_;
    asio::ssl::context* tls_;
    Kitchen kitchen_;
    asio::io_context context_;
    asio::ip::tcp::acceptor acceptor_;
    asio::ip::tcp::endpoint endpoint_;
    Duration refusal_{};
};

}  // namespace sluice::lab

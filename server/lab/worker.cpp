#include "server/lab/worker.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>

#include "server/lab/session.hpp"

namespace sluice::lab {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

void log_uncaught(std::exception_ptr const& uncaught) {
    if (!uncaught) return;
    try {
        std::rethrow_exception(uncaught);
    } catch (std::exception const& error) {
        std::fprintf(stderr, "lab: a connection ended with a bug: %s\n", error.what());
    }
}

asio::awaitable<void> serve(std::shared_ptr<Session> session, Greeting greeting) { co_await session->run(greeting); }

}  // namespace

Worker::Worker(Shared& shared, asio::ssl::context* tls)
    : shared_(shared), tls_(tls), kitchen_(shared), context_(1), acceptor_(context_) {}

void Worker::listen(asio::ip::tcp::endpoint const& endpoint) {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.set_option(ReusePort(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(4096);
    endpoint_ = acceptor_.local_endpoint();
}

void Worker::run() {
    asio::co_spawn(context_, accept(), log_uncaught);
    context_.run();
}

void Worker::stop() { context_.stop(); }

void Worker::refuse_for(Duration time) {
    auto close = [this, time] {
        refusal_ = time;
        acceptor_.close();
    };
    asio::post(context_, std::move(close));
}

asio::awaitable<void> Worker::accept() {
    for (;;) {
        auto [failure, socket] = co_await acceptor_.async_accept(as_result);
        if (failure) {  // closed on purpose, or no descriptor is left just now
            constexpr Duration shortest = std::chrono::milliseconds(20);
            auto pause = std::max(std::exchange(refusal_, Duration{}), shortest);
            co_await wait_for(pause);
            if (!acceptor_.is_open()) listen(endpoint_);
            continue;
        }
        auto session = std::make_shared<Session>(std::move(socket), tls_, shared_, kitchen_);
        asio::co_spawn(context_, serve(std::move(session), shared_.listener.greet()), log_uncaught);
    }
}

asio::awaitable<void> Worker::wait_for(Duration time) {
    asio::steady_timer timer(context_, time);
    co_await timer.async_wait(as_result);
}

}  // namespace sluice::lab

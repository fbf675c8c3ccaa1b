#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "server/lab/kitchen.hpp"
#include "server/lab/request_reader.hpp"
#include "server/lab/wire.hpp"

namespace sluice::lab {

/// One connection: reads requests, plays answers in their own time, notices when the peer leaves. Shared, because the
/// watch on the socket may report after the connection's coroutine is done.
class Session : public std::enable_shared_from_this<Session> {
public:
    /// `shared` and `kitchen` must outlive the executor of the socket.
    Session(asio::ip::tcp::socket socket, asio::ssl::context* tls, Shared& shared, Kitchen& kitchen);
    ~Session();
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;

    asio::awaitable<void> run(Greeting greeting);

private:
    enum class Next : std::uint8_t { request, goodbye, nothing };

    asio::awaitable<bool> greet(Greeting greeting);
    asio::awaitable<bool> read_request();
    asio::awaitable<Next> serve();
    asio::awaitable<bool> play(Answer const& answer, Bill& bill);
    asio::awaitable<bool> pause_until(std::chrono::steady_clock::time_point due);
    asio::awaitable<Next> after(Answer const& answer, Options const& options);
    asio::awaitable<void> goodbye();
    asio::awaitable<void> wait_for(Duration time);
    void watch();
    void close_if_idle();

    Wire wire_;
    Shared& shared_;
    Kitchen& kitchen_;
    asio::steady_timer timer_;  ///< the only one: pauses of an answer, or the end of an idle connection
    RequestReader reader_;
    std::string input_;
    std::size_t begin_ = 0, end_ = 0;  ///< of what is read and not used, in input_
    std::uint64_t number_ = 0;
    unsigned served_ = 0;
    Duration idle_close_{};
    bool is_watching_ = false, is_playing_ = false, is_gone_ = false, has_input_ = false;
};

}  // namespace sluice::lab

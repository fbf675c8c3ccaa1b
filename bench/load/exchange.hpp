#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "connection.hpp"
#include "event_check.hpp"
#include "request.hpp"
#include "response_reader.hpp"
#include "tally.hpp"

namespace sluice::bench {

/// What all exchanges of a run share; outlives them.
struct Run {
    Options const& options;
    RequestText const& request;
    SSL_CTX* tls = nullptr;
    int epoll = -1;
    std::span<char> buffer;  ///< for one reading; nothing stays in it
    std::uint64_t next_nonce = 1;
    Tally tally;
};

/// One connection: connects, sends a request, reads its answer, and again when told to.
class Exchange {
public:
    enum class State : std::uint8_t { unopened, connecting, handshaking, sending, receiving, answered, failed };

    explicit Exchange(Run& run) : run_(run), events_(run.options, run.tally.streams) {}

    /// Opens the connection if there is none that can be used, and sends a request as soon as that is possible.
    void begin();
    /// The socket is ready for `events` (epoll's bits).
    void advance(std::uint32_t events);
    void close();

    State state() const { return state_; }
    /// Has once got through: a stream's first event is here, or a request is on its way; or has failed to.
    bool opened() const { return opened_; }

private:
    void connect();
    void fail(std::string_view reason);
    void send();
    void receive();
    void take(std::string_view input, Clock::time_point now);
    void check_answer(Clock::time_point now, std::string_view surplus);
    bool is_stream() const { return run_.options.mode != Mode::json; }

    Run& run_;
    Connection connection_;
    ResponseReader reader_;
    EventCheck events_;
    State state_ = State::unopened;
    bool opened_ = false;
    bool peer_closing_ = false;
    Nonce nonce_{};
    std::size_t sent_ = 0;
    std::size_t answer_size_ = 0;
    std::string answer_;  // json: the body, to look at when it is complete
    Clock::time_point sent_at_;
};

}  // namespace sluice::bench

#include "driver.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <deque>
#include <stdexcept>
#include <utility>
#include <vector>

#include "exchange.hpp"

namespace sluice::bench {
namespace {

constexpr std::size_t reading_size = 256 * 1024;
constexpr std::uint64_t error_limit = 10'000;  // a run that only fails ends

class Driver {
public:
    explicit Driver(Options const& options);
    ~Driver() { ::close(run_.epoll); }
    Driver(Driver const&) = delete;
    Driver& operator=(Driver const&) = delete;

    Tally run();

private:
    using State = Exchange::State;

    void watch_stdin();
    void open_one();
    void open_more();
    void turn();
    void settle(Exchange& exchange, bool was_opened);
    void send_due(Clock::time_point now);
    Clock::duration until_due(Clock::time_point now) const;
    void announce();
    bool may_send_more(Clock::time_point now) const;
    bool over() const;
    int wait_limit(Clock::time_point now) const;

    Options const& options_;
    RequestText request_;
    TlsContext tls_;
    std::vector<char> buffer_;
    Run run_;
    std::deque<Exchange> exchanges_;  // stable addresses: epoll keeps pointers to them
    std::vector<Exchange*> free_;     // open loop: answered, and to be used again when a request is due
    std::size_t unopened_ = 0;        // exchanges begun that are not open yet
    std::size_t open_or_done_ = 0;
    std::size_t finished_ = 0;
    std::uint64_t started_requests_ = 0;
    std::uint64_t failures_ = 0;
    std::uint64_t due_requests_ = 0;  // open loop: begun or left out
    bool announced_ = false;
    bool stop_ = false;
    Clock::time_point begin_;
    Clock::time_point held_since_;
};

Driver::Driver(Options const& options)
    : options_(options),
      request_(make_request(options)),
      tls_(options.transport == Transport::tls ? make_tls_context() : TlsContext()),
      buffer_(reading_size),
      run_{.options = options,
           .request = request_,
           .tls = tls_.get(),
           .epoll = ::epoll_create1(EPOLL_CLOEXEC),
           .buffer = buffer_,
           .tally = {}} {
    if (run_.epoll < 0) throw std::runtime_error("no epoll");
    if (options.mode == Mode::hold) watch_stdin();
}

/// A closed or readable stdin ends `hold`. A stdin that epoll cannot watch (a file) ends nothing.
void Driver::watch_stdin() {
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.ptr = nullptr;
    ::epoll_ctl(run_.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &interest);
}

bool Driver::may_send_more(Clock::time_point now) const {
    if (options_.mode != Mode::json || failures_ >= error_limit) return false;
    if (options_.requests != 0 && started_requests_ >= options_.requests) return false;
    return options_.seconds.count() == 0 || now - begin_ < options_.seconds;
}

bool Driver::over() const {
    if (options_.rate > 0) return finished_ == exchanges_.size() && !may_send_more(Clock::now());
    if (finished_ == options_.connections) return true;
    if (stop_) return true;
    bool const held = options_.mode == Mode::hold && announced_ && options_.seconds.count() != 0;
    return held && Clock::now() - held_since_ >= options_.seconds;
}

/// Open loop: until the next request is due.
Clock::duration Driver::until_due(Clock::time_point now) const {
    auto const next = static_cast<double>(due_requests_) / options_.rate * 1e9;
    return std::max(Clock::duration(static_cast<std::int64_t>(next)) - (now - begin_), Clock::duration(0));
}

/// Open loop: begins what is due by now, each on a connection that is free.
void Driver::send_due(Clock::time_point now) {
    while (options_.rate > 0 && may_send_more(now) && until_due(now) == Clock::duration(0)) {
        ++due_requests_;
        if (!free_.empty()) {
            auto& exchange = *free_.back();
            free_.pop_back();
            ++started_requests_;
            exchange.begin();
            settle(exchange, true);
        } else if (exchanges_.size() < options_.connections) {
            open_one();
        } else {
            ++run_.tally.late;
        }
    }
    if (options_.rate > 0 && !may_send_more(now)) {
        for (auto* exchange : std::exchange(free_, {})) {
            exchange->close();
            ++finished_;
        }
    }
}

int Driver::wait_limit(Clock::time_point now) const {
    auto left = options_.patience - (now - begin_);
    if (options_.rate > 0) return static_cast<int>(until_due(now) / std::chrono::milliseconds(1));
    if (options_.mode == Mode::hold && options_.seconds.count() != 0 && announced_) {
        left = std::min(left, options_.seconds - (now - held_since_));
    }
    return static_cast<int>(std::max<std::int64_t>(left / std::chrono::milliseconds(1), 0)) + 1;
}

void Driver::open_one() {
    auto& exchange = exchanges_.emplace_back(run_);
    ++unopened_;
    ++started_requests_;
    exchange.begin();
    settle(exchange, false);
}

void Driver::open_more() {
    if (options_.rate > 0) return;  // opened when a request is due
    while (exchanges_.size() < options_.connections && unopened_ < options_.opening) open_one();
}

/// After any step of `exchange`: counts it as opened or finished, or sends its next request.
void Driver::settle(Exchange& exchange, bool was_opened) {
    if (!was_opened && exchange.opened()) {
        --unopened_;
        ++open_or_done_;
    }
    while (exchange.state() == State::answered || exchange.state() == State::failed) {
        if (exchange.state() == State::failed) ++failures_;
        if (!may_send_more(Clock::now())) {
            exchange.close();
            ++finished_;
            return;
        }
        if (options_.rate > 0) {
            free_.push_back(&exchange);
            return;
        }
        ++started_requests_;
        exchange.begin();
    }
}

/// Tells once when connecting and handshakes are over: all streams are open, or there are two answers per connection.
void Driver::announce() {
    auto const& tally = run_.tally;
    bool const settled = options_.mode != Mode::json || tally.answers >= 2 * options_.connections;
    if (announced_ || open_or_done_ < options_.connections || !settled) return;
    announced_ = true;
    held_since_ = Clock::now();
    fmt::print("{{\"opened\":{},\"requests\":{},\"events\":{}}}\n", open_or_done_ - failures_, tally.answers,
               tally.streams.events);
    std::fflush(stdout);
}

void Driver::turn() {
    std::array<epoll_event, 512> ready;
    int count = ::epoll_wait(run_.epoll, ready.data(), ready.size(), wait_limit(Clock::now()));
    for (int i = 0; i < count; ++i) {
        auto const& [events, data] = ready[static_cast<std::size_t>(i)];
        if (data.ptr == nullptr) {
            stop_ = true;
            continue;
        }
        auto& exchange = *static_cast<Exchange*>(data.ptr);
        bool const was_open = exchange.opened();
        exchange.advance(events);
        settle(exchange, was_open);
    }
}

Tally Driver::run() {
    begin_ = Clock::now();
    open_more();
    while (!over()) {
        turn();
        open_more();
        send_due(Clock::now());
        announce();
        if (Clock::now() - begin_ >= options_.patience) break;
    }
    run_.tally.elapsed = Clock::now() - begin_;
    bool const held_to_the_end = options_.mode == Mode::hold && announced_;
    auto const begun = options_.rate > 0 ? exchanges_.size() : options_.connections;
    if (!held_to_the_end && finished_ < begun) {
        run_.tally.errors["unfinished when patience ended"] += begun - finished_;
    }
    // A stream that is held and ends by itself was not held.
    if (options_.mode == Mode::hold && finished_ > 0) run_.tally.errors["ended while held"] += finished_;
    return run_.tally;
}

}  // namespace

Tally run_load(Options const& options) { return Driver(options).run(); }

}  // namespace sluice::bench

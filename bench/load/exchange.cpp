#include "exchange.hpp"

#include <sys/epoll.h>

#include <algorithm>

namespace sluice::bench {

void Exchange::begin() {
    reader_.restart();
    answer_.clear();
    sent_ = answer_size_ = 0;
    if (connection_.is_open() && peer_closing_) {
        ++run_.tally.reconnects;
        connection_.close();
    }
    if (!connection_.is_open()) return connect();
    state_ = State::sending;
    send();
}

void Exchange::connect() {
    peer_closing_ = false;
    if (connection_.connect(run_.options, run_.tls) == Progress::failed) return fail("socket");
    // Edge-triggered and registered once: a request costs no epoll_ctl.
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    interest.data.ptr = this;
    if (::epoll_ctl(run_.epoll, EPOLL_CTL_ADD, connection_.descriptor(), &interest) != 0) return fail("epoll");
    state_ = State::connecting;
}

void Exchange::close() {
    connection_.close();
    state_ = State::unopened;
}

void Exchange::fail(std::string_view reason) {
    ++run_.tally.errors[std::string(reason)];
    connection_.close();
    state_ = State::failed;
    opened_ = true;
}

void Exchange::advance(std::uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) peer_closing_ = true;
    if (state_ == State::connecting) {
        if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
        if (connection_.finish_connect() != Progress::done) return fail("connect");
        state_ = State::handshaking;
    }
    if (state_ == State::handshaking) {
        auto progress = connection_.handshake();
        if (progress == Progress::again) return;
        if (progress != Progress::done) return fail("tls");
        state_ = State::sending;
    }
    if (state_ == State::sending) send();
    // An answer may arrive while the request is still being sent: an early refusal.
    if ((events & EPOLLIN) != 0 || peer_closing_) {
        if (state_ == State::receiving || state_ == State::sending) receive();
    }
}

void Exchange::send() {
    if (sent_ == 0) {
        sent_at_ = Clock::now();
        if (is_stream()) events_.start(sent_at_);
        if (run_.request.has_nonce) nonce_ = make_nonce(run_.next_nonce++);
    }
    while (sent_ < run_.request.size()) {
        auto [progress, bytes] = connection_.write(run_.request, nonce_, sent_);
        if (progress == Progress::again) return;
        if (progress != Progress::done) {
            peer_closing_ = true;  // what it said before it closed is still to be read
            break;
        }
        sent_ += bytes;
    }
    state_ = State::receiving;
    if (!is_stream()) opened_ = true;
}

void Exchange::receive() {
    while (state_ == State::receiving || state_ == State::sending) {
        auto [progress, bytes] = connection_.read(run_.buffer);
        if (progress == Progress::again) return;
        auto now = Clock::now();
        if (progress != Progress::done) {
            bool const untouched = reader_.untouched();
            reader_.end_of_input();
            if (!reader_.complete()) return fail(untouched ? "closed before the answer" : "answer cut short");
            return check_answer(now, {});
        }
        run_.tally.bytes_received += bytes;
        take({run_.buffer.data(), bytes}, now);
        // A short read has emptied the socket, and an edge announces what comes next. TLS may hold more back.
        if (bytes < run_.buffer.size() && run_.tls == nullptr && !peer_closing_) return;
    }
}

void Exchange::take(std::string_view input, Clock::time_point now) {
    for (auto piece = reader_.take(input); !piece.empty(); piece = reader_.take(input)) {
        answer_size_ += piece.size();
        if (is_stream() && reader_.status() == 200)
            events_.feed(piece, now);
        else
            answer_ += piece;
    }
    if (events_.started()) opened_ = true;
    if (reader_.broken()) return fail("malformed answer");
    if (reader_.complete()) check_answer(now, input);
}

void Exchange::check_answer(Clock::time_point now, std::string_view surplus) {
    state_ = State::answered;
    opened_ = true;
    auto& tally = run_.tally;
    ++tally.answers;
    ++tally.statuses[reader_.status()];
    tally.latency.add(now - sent_at_);
    if (!is_stream()) tally.latency_by_status[reader_.status()].add(now - sent_at_);
    tally.told_when += reader_.has_retry_after() ? 1 : 0;
    tally.smallest_answer = std::min(tally.smallest_answer, answer_size_);
    tally.largest_answer = std::max(tally.largest_answer, answer_size_);
    if (!reader_.keep_alive()) peer_closing_ = true;

    auto const& options = run_.options;
    bool matches = surplus.empty() && sent_ == run_.request.size();
    if (is_stream()) {
        events_.finish();
        matches = matches && events_.done();
        if (options.events_per_stream) matches = matches && events_.deltas() == *options.events_per_stream;
    } else {
        if (!options.expect.empty()) matches = matches && answer_.find(options.expect) != answer_.npos;
        if (options.echo) matches = matches && answer_.find({nonce_.data(), nonce_.size()}) != answer_.npos;
    }
    if (!matches) ++tally.mismatched;
}

}  // namespace sluice::bench

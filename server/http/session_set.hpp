#pragma once

#include <atomic>
#include <cstddef>
#include <unordered_set>

#include "core/types/clock.hpp"

namespace sluice::http {

class Session;

/// The open sessions of one listener on one worker, for draining. Thread: the worker's, but for open() and busy().
class SessionSet {
public:
    void add(Session& session) {
        sessions_.insert(&session);
        open_.store(sessions_.size(), std::memory_order_relaxed);
    }
    void remove(Session& session) {
        sessions_.erase(&session);
        open_.store(sessions_.size(), std::memory_order_relaxed);
    }
    /// Counts a session as working on a request while it lives.
    class Busy {
    public:
        explicit Busy(SessionSet& sessions) : sessions_(sessions) { sessions_.add_busy(1); }
        Busy(Busy const&) = delete;
        Busy& operator=(Busy const&) = delete;
        ~Busy() { sessions_.add_busy(-1); }

    private:
        SessionSet& sessions_;
    };

    std::size_t open() const { return open_.load(std::memory_order_relaxed); }
    /// How many are working on a request.
    std::size_t busy() const { return busy_.load(std::memory_order_relaxed); }

    /// From now on every answer whose head is not out yet says `connection: close`. Nothing is closed that a client may
    /// be writing to: an idle connection waits for its next request, or for close_quiet().
    void start_draining();
    bool draining() const { return draining_; }
    /// Closes the connections that have waited for the first byte of a request for at least `time`, after a last look.
    void close_quiet(Duration time);
    void cancel_all();

private:
    void add_busy(int change) { busy_.store(busy() + static_cast<std::size_t>(change), std::memory_order_relaxed); }

    std::unordered_set<Session*> sessions_;
    bool draining_ = false;
    std::atomic<std::size_t> open_{0};
    std::atomic<std::size_t> busy_{0};
};

}  // namespace sluice::http

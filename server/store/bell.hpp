#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "core/types/clock.hpp"

namespace sluice::store {

/// Wakes one thread when there is something to do. Ringing costs next to nothing while it is awake.
class Bell {
public:
    /// Thread: any.
    void ring() {
        if (!rung_.exchange(true)) notify();
    }
    /// From now on nobody pauses. Thread: any.
    void hurry() {
        hurries_ = true;
        ring();
        notify();
    }

    /// Until it has rung since the last wait(), or until `until`.
    void wait(Instant until) {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, until, [this] { return rung_.load(); });
        rung_ = false;
    }
    /// Until `until`, whether it rings or not.
    void pause(Instant until) {
        std::unique_lock lock(mutex_);
        changed_.wait_until(lock, until, [this] { return hurries_.load(); });
    }

private:
    void notify() {
        {
            std::lock_guard const lock(mutex_);
        }  // who is about to wait has seen it, or waits by now
        changed_.notify_one();
    }

    std::atomic<bool> rung_ = false;
    std::atomic<bool> hurries_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
};

}  // namespace sluice::store

#pragma once

#include <coroutine>
#include <cstdint>
#include <utility>

#include "core/pipeline/cancellation.hpp"
#include "core/pipeline/task.hpp"
#include "server/net/timer_wheel.hpp"

namespace sluice::net {

enum class Wake : std::uint8_t { ready, expired, cancelled };

/// A place where one coroutine suspends until somebody wakes it or its deadline passes. Thread: its worker's. wake()
/// resumes the coroutine before it returns. Destroying a Waiter that is waited on is a bug of its owner.
class Waiter final : public Watch, public Cancellable {
public:
    explicit Waiter(TimerWheel& wheel) : wheel_(wheel) {}

    /// What co_await takes; it costs no frame of its own.
    auto wait(Instant until) {
        struct Awaiter {
            Waiter& waiter;
            Instant until;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> waiting) const { waiter.suspend(waiting, until); }
            Wake await_resume() const noexcept { return waiter.reason_; }
        };
        return Awaiter{*this, until};
    }

    void suspend(std::coroutine_handle<> waiting, Instant until) {
        waiting_ = waiting;
        wheel_.schedule(*this, earlier(until, longest));
    }
    /// Why the last wait ended.
    Wake reason() const { return reason_; }
    bool waiting() const { return static_cast<bool>(waiting_); }

    void cancelled() override { wake(Wake::cancelled); }
    void wake(Wake reason) {
        if (!waiting_) return;
        wheel_.cancel(*this);
        reason_ = reason;
        std::exchange(waiting_, nullptr).resume();
    }

private:
    /// Also who waits without a deadline is in the wheel: that is how its worker finds it when it ends.
    static constexpr Instant longest = never - Duration(1);

    void expired() override { wake(Wake::expired); }
    void dropped() override { wake(Wake::cancelled); }

    TimerWheel& wheel_;
    std::coroutine_handle<> waiting_;
    Wake reason_ = Wake::ready;
};

}  // namespace sluice::net

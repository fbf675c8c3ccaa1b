#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <functional>
#include <utility>

#include "core/pipeline/task.hpp"
#include "server/net/timer_wheel.hpp"

namespace sluice::net {

enum class Wake : std::uint8_t { ready, expired, cancelled };

/// A place where one coroutine suspends until somebody wakes it or its deadline passes. Thread: its worker's. wake()
/// resumes the coroutine before it returns. Destroying a Waiter that is waited on is a bug of its owner.
class Waiter final : public Watch {
public:
    explicit Waiter(TimerWheel& wheel) : wheel_(wheel) {}

    Task<Wake> wait(Instant until) {
        wheel_.schedule(*this, earlier(until, longest));
        boost::asio::use_awaitable_t<Executor> token;
        auto initiate = [this](auto handler) {
            resume_ = [handler = std::move(handler)](Wake reason) mutable { std::move(handler)(reason); };
        };
        return boost::asio::async_initiate<decltype(token), void(Wake)>(std::move(initiate), token);
    }

    bool waiting() const { return static_cast<bool>(resume_); }

    void wake(Wake reason) {
        if (!resume_) return;
        wheel_.cancel(*this);
        std::exchange(resume_, nullptr)(reason);
    }

private:
    /// Also who waits without a deadline is in the wheel: that is how its worker finds it when it ends.
    static constexpr Instant longest = never - Duration(1);

    void expired() override { wake(Wake::expired); }
    void dropped() override { wake(Wake::cancelled); }

    TimerWheel& wheel_;
    std::move_only_function<void(Wake)> resume_;
};

}  // namespace sluice::net

#pragma once

#include <cstdint>
#include <functional>
#include <utility>

namespace sluice {

enum class CancelReason : std::uint8_t { none, client_left, server_shutdown };

/// Says once that a request is not wanted any more, and wakes whatever it is waiting for. Thread: the request's worker.
class Cancellation {
public:
    Cancellation() = default;
    Cancellation(Cancellation const&) = delete;
    Cancellation& operator=(Cancellation const&) = delete;

    /// The first reason stays.
    void trigger(CancelReason reason) {
        if (reason_ != CancelReason::none) return;
        reason_ = reason;
        auto const wake = wake_;  // what it wakes may set a hook of its own
        if (wake) wake();
    }

    CancelReason reason() const { return reason_; }
    explicit operator bool() const { return reason_ != CancelReason::none; }

    /// While it lives, `wake` is called by trigger(). A request waits for one thing at a time, so the latest hook
    /// counts.
    class Hook {
    public:
        Hook(Cancellation& cancellation, std::function<void()> wake)
            : cancellation_(cancellation), previous_(std::exchange(cancellation.wake_, std::move(wake))) {}
        Hook(Hook const&) = delete;
        Hook& operator=(Hook const&) = delete;
        ~Hook() { cancellation_.wake_ = std::move(previous_); }

    private:
        Cancellation& cancellation_;
        std::function<void()> previous_;
    };

private:
    CancelReason reason_ = CancelReason::none;
    std::function<void()> wake_;
};

}  // namespace sluice

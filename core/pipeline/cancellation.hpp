#pragma once

#include <cstdint>
#include <utility>

namespace sluice {

enum class CancelReason : std::uint8_t { none, client_left, server_shutdown };

/// What can be told that its request is not wanted any more.
class Cancellable {
public:
    virtual ~Cancellable() = default;
    /// Ends the current wait. May run the one who waits to its end.
    virtual void cancelled() = 0;
};

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
        if (waiting_ != nullptr) waiting_->cancelled();
    }

    CancelReason reason() const { return reason_; }
    explicit operator bool() const { return reason_ != CancelReason::none; }

    /// While it lives, trigger() tells `waiting`. A request waits for one thing at a time, so the latest hook counts.
    class Hook {
    public:
        Hook(Cancellation& cancellation, Cancellable& waiting)
            : cancellation_(cancellation), previous_(std::exchange(cancellation.waiting_, &waiting)) {}
        Hook(Hook const&) = delete;
        Hook& operator=(Hook const&) = delete;
        ~Hook() { cancellation_.waiting_ = previous_; }

    private:
        Cancellation& cancellation_;
        Cancellable* previous_;
    };

private:
    CancelReason reason_ = CancelReason::none;
    Cancellable* waiting_ = nullptr;
};

}  // namespace sluice

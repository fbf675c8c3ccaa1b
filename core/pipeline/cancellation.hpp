#pragma once

#include <cstdint>

namespace sluice {

/// beaten: another attempt at the same request was faster. revoked: by an administrator, with or without its key.
enum class CancelReason : std::uint8_t { none, client_left, server_shutdown, beaten, revoked };

/// What can be told that its request is not wanted any more.
class Cancellable {
public:
    virtual ~Cancellable() = default;
    /// Ends the current wait. May run the one who waits to its end.
    virtual void cancelled() = 0;
};

/// Says once that a request is not wanted any more, and wakes whatever waits for it: usually one, several while
/// attempts race. Thread: the request's worker.
class Cancellation {
    struct Link {
        Link* before = this;
        Link* behind = this;

        void insert_behind(Link& other) {
            before = &other;
            behind = other.behind;
            other.behind->before = this;
            other.behind = this;
        }
        void remove() {
            before->behind = behind;
            behind->before = before;
            before = behind = this;
        }
    };

public:
    Cancellation() = default;
    Cancellation(Cancellation const&) = delete;
    Cancellation& operator=(Cancellation const&) = delete;

    /// The first reason stays. Those who wait may run to their ends, and *this may be gone when it returns.
    void trigger(CancelReason reason) {
        if (reason_ != CancelReason::none) return;
        reason_ = reason;
        Link told;  // on the stack: what follows must not need *this
        told.insert_behind(hooks_);
        hooks_.remove();
        while (told.behind != &told) {
            auto* const next = static_cast<Hook*>(told.behind);
            next->remove();
            next->waiting_.cancelled();
        }
    }

    CancelReason reason() const { return reason_; }
    explicit operator bool() const { return reason_ != CancelReason::none; }

    /// While it lives, trigger() tells `waiting`; the latest first.
    class Hook : private Link {
    public:
        Hook(Cancellation& cancellation, Cancellable& waiting) : waiting_(waiting) {
            insert_behind(cancellation.hooks_);
        }
        Hook(Hook const&) = delete;
        Hook& operator=(Hook const&) = delete;
        ~Hook() { remove(); }

    private:
        friend class Cancellation;
        Cancellable& waiting_;
    };

private:
    CancelReason reason_ = CancelReason::none;
    Link hooks_;
};

}  // namespace sluice

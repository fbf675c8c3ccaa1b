#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

#include "core/pipeline/frame_cache.hpp"

namespace sluice {

template <class T>
class Task;

namespace detail {

/// What the promises of all tasks share: who goes on when the task ends, and what it threw.
class TaskPromiseBase {
public:
    std::suspend_always initial_suspend() const noexcept { return {}; }

    struct GoOn {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
            return ended.promise().waiting_;
        }
        void await_resume() const noexcept {}
    };
    GoOn final_suspend() const noexcept { return {}; }

    void unhandled_exception() noexcept { thrown_ = std::current_exception(); }
    void rethrow() const {
        if (thrown_) std::rethrow_exception(thrown_);
    }
    void set_waiting(std::coroutine_handle<> waiting) { waiting_ = waiting; }

    static void* operator new(std::size_t size) { return FrameCache::take(size); }
    static void operator delete(void* frame, std::size_t size) noexcept { FrameCache::give_back(frame, size); }

private:
    std::coroutine_handle<> waiting_;
    std::exception_ptr thrown_;
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
public:
    Task<T> get_return_object();
    template <class U>
    void return_value(U&& value) {
        value_.emplace(std::forward<U>(value));
    }
    T take() {
        rethrow();
        return *std::move(value_);
    }

private:
    std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
public:
    Task<void> get_return_object();
    void return_void() const noexcept {}
    void take() const { rethrow(); }
};

}  // namespace detail

/// A coroutine of one worker. It begins when it is awaited, and the one that awaits it goes on where it ends, without a
/// detour through the worker's loop. It owns its frame: whoever destroys a task that waits destroys all that it awaits.
/// Await a temporary, or a moved one; once. An exception comes out at the co_await. Thread: one.
///
/// Clang makes the frame of an awaited coroutine a part of its caller's where it can inline the call, all of them side
/// by side. What is seldom run, or holds much, is therefore declared [[gnu::noinline]]: it costs memory only while it
/// runs.
template <class T = void>
class [[nodiscard]] Task {
public:
    using promise_type = detail::TaskPromise<T>;

    explicit Task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task& operator=(Task&&) = delete;
    ~Task() {
        if (frame_) frame_.destroy();
    }

    auto operator co_await() && noexcept {
        struct Awaiter {
            std::coroutine_handle<promise_type> frame;
            bool await_ready() const noexcept { return false; }
            std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
                frame.promise().set_waiting(waiting);
                return frame;
            }
            T await_resume() const { return frame.promise().take(); }
        };
        return Awaiter{frame_};
    }

private:
    std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
Task<T> TaskPromise<T>::get_return_object() {
    return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() {
    return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

/// Runs at once and owns itself.
struct Detached {
    struct promise_type {  // NOLINT(readability-identifier-naming): the language's name
        Detached get_return_object() const noexcept { return {}; }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_never final_suspend() const noexcept { return {}; }
        void return_void() const noexcept {}
        void unhandled_exception() const noexcept { std::terminate(); }  // prints what was thrown
    };
};

}  // namespace detail

/// What is told how a spawned task ended: null, or what it threw, which is a bug. Throwing on ends the process.
using TaskEnded = std::move_only_function<void(std::exception_ptr)>;

/// Runs `task` on this thread, beside its caller: until it waits for the first time now, the rest when it is woken.
/// `ended` is called when everything of the task is gone.
inline detail::Detached spawn(Task<> task, TaskEnded ended) {
    std::exception_ptr thrown;
    try {
        auto running = std::move(task);
        co_await std::move(running);
    } catch (...) {
        thrown = std::current_exception();
    }
    ended(std::move(thrown));
}

}  // namespace sluice

#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "server/net/buffer_pool.hpp"
#include "server/net/descriptor.hpp"
#include "server/net/memory_guard.hpp"
#include "server/net/timer_wheel.hpp"

namespace sluice::net {

/// One thread with its own epoll, timers and buffers. What is made on a worker stays on it.
class Worker final : public Clock {
public:
    explicit Worker(unsigned index);
    Worker(Worker const&) = delete;
    Worker& operator=(Worker const&) = delete;
    ~Worker() override;

    unsigned index() const { return index_; }
    TimerWheel& wheel() { return wheel_; }
    BufferPool& buffers() { return buffers_; }
    /// The process's memory, if somebody watches it for this worker.
    MemoryGuard* memory() const { return memory_; }
    /// `guard` must outlive *this. Before start().
    void watch_memory(MemoryGuard& guard) { memory_ = &guard; }

    /// Starts the thread.
    void start();
    /// Runs `work` on the worker's thread. Thread: any.
    void post(std::function<void()> work);
    /// Ends the thread now, whatever is left. Thread: any.
    void stop();
    /// Stops and joins, then wakes every coroutine that still waits, as cancelled, until all have run to their end.
    /// Call it while what they use is still there. Thread: the one that destroys *this.
    void end();

    /// Lets everybody else who is ready have a turn: for who could go on for long without waiting.
    auto turn() {
        struct Awaiter {
            Worker& worker;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> waiting) const { worker.turns_.push_back(waiting); }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }

    /// Before a send. While others wait to read what has arrived, they come first: what is sent goes out together then,
    /// and the peers need not be woken for each piece.
    auto sending_turn() {
        struct Awaiter {
            Worker& worker;
            bool await_ready() const noexcept { return !worker.others_ready_; }
            void await_suspend(std::coroutine_handle<> waiting) const { worker.turns_.push_back(waiting); }
            void await_resume() const noexcept {}
        };
        return Awaiter{*this};
    }

    Instant now() override { return std::chrono::steady_clock::now(); }
    std::shared_ptr<Gate> make_gate() override;
    Task<Result<>> sleep(milliseconds wait, Cancellation& cancellation) override;
    Task<> give_way() override { co_await turn(); }
    double random() override;
    std::uint64_t random_bits() { return random_(); }

    /// Does what is ready now, and returns. For tests, which have no thread.
    void poll() { round(milliseconds(0)); }

private:
    friend class Descriptor;
    void add(int fd, Descriptor::Registration* registration);
    void remove(int fd) const;
    void retire(std::unique_ptr<Descriptor::Registration> registration);

    void run();
    void round(milliseconds longest);
    void dispatch(milliseconds longest);
    bool run_posted();
    bool take_turns();
    void tick(Instant at);
    void wake_up() const;

    unsigned index_;
    TimerWheel wheel_;
    BufferPool buffers_;
    OwnedFd epoll_;
    OwnedFd bell_;  ///< an eventfd: rung from other threads
    std::atomic<bool> stopped_ = false;
    std::mutex mutex_;
    std::vector<std::function<void()>> posted_;  ///< guarded by mutex_
    std::vector<std::coroutine_handle<>> turns_;
    bool others_ready_ = false;  ///< events are left that nobody has been told of
    std::vector<std::unique_ptr<Descriptor::Registration>> retired_;
    Instant next_tick_;
    std::mt19937_64 random_;
    unsigned ticks_ = 0;
    MemoryGuard* memory_ = nullptr;
    std::thread thread_;
};

/// The error that a cancelled wait hands up.
Error cancelled_error(Cancellation const& cancellation);

}  // namespace sluice::net

#pragma once

#include <atomic>
#include <boost/asio/basic_waitable_timer.hpp>
#include <cstdint>
#include <functional>
#include <random>
#include <thread>

#include "core/pipeline/ports.hpp"
#include "server/net/buffer_pool.hpp"
#include "server/net/memory_guard.hpp"
#include "server/net/timer_wheel.hpp"

namespace sluice::net {

/// One thread with its own io_context, timers and buffers. What is made on a worker stays on it.
class Worker final : public Clock {
public:
    explicit Worker(unsigned index);
    ~Worker() override;

    unsigned index() const { return index_; }
    boost::asio::io_context& context() { return context_; }
    Executor executor() { return context_.get_executor(); }
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
    void stop() { context_.stop(); }
    /// Stops and joins, then wakes every coroutine that still waits, as cancelled, until all have run to their end.
    /// Call it while what they use is still there. Thread: the one that destroys *this.
    void end();

    Instant now() override { return std::chrono::steady_clock::now(); }
    Task<Result<>> sleep(milliseconds wait, Cancellation& cancellation) override;
    double random() override;
    std::uint64_t random_bits() { return random_(); }

private:
    void run_tick();

    unsigned index_;
    TimerWheel wheel_;  // these two before the context: what it destroys with itself refers to them
    BufferPool buffers_;
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<Executor> guard_;
    boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      Executor>
        tick_;
    std::mt19937_64 random_;
    unsigned ticks_ = 0;
    MemoryGuard* memory_ = nullptr;
    std::thread thread_;
};

/// The error that a cancelled wait hands up.
Error cancelled_error(Cancellation const& cancellation);

}  // namespace sluice::net

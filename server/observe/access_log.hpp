#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/pipeline/outcome.hpp"
#include "core/types/settings.hpp"
#include "server/observe/access_line.hpp"
#include "server/observe/byte_ring.hpp"
#include "server/observe/line_buffer.hpp"
#include "server/observe/log_output.hpp"
#include "server/observe/observe_settings.hpp"
#include "server/observe/timestamp.hpp"

namespace sluice::observe {

class Log;

/// One worker's end of the access log. Only that worker writes; nothing here blocks or, in the steady state, allocates.
class AccessLogShard {
public:
    AccessLogShard(SettingsCell const& settings, std::size_t capacity, std::function<void()> wake);

    /// Formats a line into the ring. Without room the line is dropped and counted.
    void write(Outcome const& outcome);

    ByteRing& ring() { return ring_; }
    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
    void adopt();

    SettingsReader settings_;
    ByteRing ring_;
    std::function<void()> wake_;
    LineStyle style_ = LineStyle::json;
    bool enabled_ = true;
    LineBuffer line_;
    Timestamp timestamp_;
    std::atomic<std::uint64_t> dropped_{0};
};

/// The access log: workers format lines into their rings, one thread writes them out, every 100 ms or as soon as
/// 256 KB wait. It never makes a worker wait: what doesn't fit is dropped and counted.
class AccessLog {
public:
    static constexpr std::size_t default_capacity = std::size_t{1} << 20U;

    /// Throws std::system_error when the file cannot be opened. `capacity`: bytes per worker, a power of two.
    AccessLog(Settings const& settings, unsigned workers, Log& log, std::size_t capacity = default_capacity);

    /// Writes out what waits, for at most two seconds.
    ~AccessLog();

    AccessLogShard& shard(unsigned worker) { return *shards_[worker]; }

    /// Opens a file again under its name, for log rotation (SIGUSR1, SIGHUP). Any thread, also a signal handler: the
    /// writing thread does it within 100 ms.
    void reopen() { reopen_.store(true, std::memory_order_relaxed); }

    /// Adopts changed settings. A new file that cannot be opened is reported and the old one kept. Any thread.
    void configure(Settings const& settings);

    /// Lines that were lost, ever. Any thread.
    std::uint64_t dropped() const;

private:
    void run();
    void reopen_if_asked();
    bool drain_all(Instant give_up);
    bool drain(AccessLogShard& shard, Instant give_up);
    void wait_for_work();

    Log& log_;
    SettingsCell settings_;
    std::vector<std::unique_ptr<AccessLogShard>> shards_;
    LogOutput output_;         // the writing thread's, once that runs
    std::size_t next_ = 0;     // the shard whose turn it is; the writing thread's
    bool at_line_end_ = true;  // of what was written; the writing thread's
    std::atomic<bool> reopen_{false};
    std::atomic<std::uint64_t> lost_in_output_{0};
    std::mutex mutex_;  // guards stopping_
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace sluice::observe

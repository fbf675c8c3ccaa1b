#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::net {

/// How much memory the process uses, against its limit. Asked on every request: one load. Somebody measures ten times a
/// second; between two measurements large pieces of memory are counted as they are taken, so that a burst does not pass
/// unseen. One for the process. Thread: any.
class MemoryGuard {
public:
    /// 0: no limit.
    void set_limit(std::uint64_t bytes) {
        limit_.store(bytes, std::memory_order_relaxed);
        tight_.store(bytes == 0 ? unlimited : bytes / 100 * 85, std::memory_order_relaxed);
        full_.store(bytes == 0 ? unlimited : bytes / 100 * 95, std::memory_order_relaxed);
    }
    std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }

    /// What is used now, by measurement.
    void measured(std::uint64_t bytes) { used_.store(bytes, std::memory_order_relaxed); }
    std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

    /// 85 % of the limit: no large bodies any more.
    bool tight() const { return used() >= tight_.load(std::memory_order_relaxed); }
    /// 95 %: nothing any more, but for health and admin.
    bool full() const { return used() >= full_.load(std::memory_order_relaxed); }

    /// May so many further bytes be used for a large body?
    bool fits(std::uint64_t bytes) const { return used() + bytes < tight_.load(std::memory_order_relaxed); }
    /// fits(), and counts them if so.
    bool take(std::uint64_t bytes) {
        if (!fits(bytes)) return false;
        used_.fetch_add(bytes, std::memory_order_relaxed);
        return true;
    }

    void count_refusal() { refused_.fetch_add(1, std::memory_order_relaxed); }
    std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

private:
    static constexpr std::uint64_t unlimited = UINT64_MAX;
    std::atomic<std::uint64_t> used_{0};
    std::atomic<std::uint64_t> limit_{0};
    std::atomic<std::uint64_t> tight_{unlimited};
    std::atomic<std::uint64_t> full_{unlimited};
    std::atomic<std::uint64_t> refused_{0};
};

}  // namespace sluice::net

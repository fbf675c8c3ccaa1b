#pragma once

#include <atomic>
#include <mutex>
#include <optional>

#include "core/policy/health_check.hpp"
#include "core/types/clock.hpp"

namespace sluice {

/// What our own probes say about one provider. Thread: any. Reading costs one atomic.
class ProviderHealth {
public:
    HealthCheck::Change note(ProbeResult result, HealthCheckSettings const& settings);
    void expect_probe(Instant at);
    /// Nobody probes it any more.
    void forget();

    bool is_down() const { return down_.load(std::memory_order_relaxed); }
    milliseconds time_to_probe(Instant now) const;
    /// Absent: it is not probed.
    std::optional<bool> healthy() const;

private:
    std::mutex mutable mutex_;  ///< guards what follows but for the atomic
    HealthCheck check_;
    bool probed_ = false;
    Instant next_probe_{};
    std::atomic<bool> down_ = false;
};

}  // namespace sluice

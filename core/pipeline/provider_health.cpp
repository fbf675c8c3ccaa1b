#include "core/pipeline/provider_health.hpp"

#include <algorithm>

namespace sluice {

HealthCheck::Change ProviderHealth::note(ProbeResult result, HealthCheckSettings const& settings) {
    std::lock_guard const lock(mutex_);
    probed_ = true;
    auto const change = check_.note(result, settings);
    down_.store(check_.is_down(), std::memory_order_relaxed);
    return change;
}

void ProviderHealth::expect_probe(Instant at) {
    std::lock_guard const lock(mutex_);
    next_probe_ = at;
}

void ProviderHealth::forget() {
    std::lock_guard const lock(mutex_);
    check_ = {};
    probed_ = false;
    down_.store(false, std::memory_order_relaxed);
}

milliseconds ProviderHealth::time_to_probe(Instant now) const {
    std::lock_guard const lock(mutex_);
    return std::max(std::chrono::ceil<milliseconds>(next_probe_ - now), milliseconds::zero());
}

std::optional<bool> ProviderHealth::healthy() const {
    std::lock_guard const lock(mutex_);
    return probed_ ? std::optional(!check_.is_down()) : std::nullopt;
}

}  // namespace sluice

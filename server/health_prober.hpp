#pragma once

#include <memory>

#include "core/pipeline/health_probe.hpp"
#include "server/observe/log.hpp"

namespace sluice {

/// Probes the providers that want it, one after the other in its own time, and tells the registry. Thread: its
/// worker's. What it is given must outlive it and its worker's last coroutine.
class HealthProber {
public:
    HealthProber(Upstream& upstream, Clock& clock, HealthRegistry& health, observe::Log& log)
        : upstream_(upstream), clock_(clock), health_(health), log_(log) {}

    /// Ends the probes so far, and begins those of `snapshot`.
    void adopt(std::shared_ptr<Snapshot const> const& snapshot);

private:
    Task<> watch(std::shared_ptr<Snapshot const> snapshot, ProviderRuntime const& provider,
                 std::shared_ptr<Cancellation> cancellation);
    void note(ProviderRuntime const& provider, Probe const& probe);

    Upstream& upstream_;
    Clock& clock_;
    HealthRegistry& health_;
    observe::Log& log_;
    std::shared_ptr<Cancellation> cancellation_;  ///< shared with the coroutines that it ends
};

}  // namespace sluice

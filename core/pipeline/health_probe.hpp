#pragma once

#include <optional>
#include <string>

#include "core/pipeline/ports.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/policy/health_check.hpp"

namespace sluice {

struct Probe {
    ProbeResult result = ProbeResult::failed;
    int status = 0;   ///< 0: no answer
    std::string why;  ///< it failed; safe to log
};

/// Asks `provider` once for its health page, with its credential and TLS. Nothing: nothing was learned, because it was
/// cancelled, or none of our own connections was free. What it is given must outlive it.
Task<std::optional<Probe>> probe(Upstream& upstream, Clock& clock, ProviderRuntime const& provider,
                                 Cancellation& cancellation);

}  // namespace sluice

#pragma once

#include "core/pipeline/ports.hpp"
#include "core/pipeline/task.hpp"

namespace sluice {

/// Where replicas share limits: lets a request that was refused for want of a lease (LimitRefusal::lease_short) wait
/// for more of it. Thread: the request's worker.
class LimitSharing {
public:
    virtual ~LimitSharing() = default;

    /// Asks for what was wanted, and waits until the limits have been shared out once more (true: reserving again may
    /// help) or until `until` (false). 200 ms are enough while the shared store answers; while it does not, it is false
    /// at once. Errors: client_closed or server_shutdown, when cancelled.
    virtual Task<Result<bool>> more(Clock& clock, Cancellation& cancellation, Instant until) = 0;
};

}  // namespace sluice

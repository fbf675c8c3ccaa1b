#pragma once

#include "core/pipeline/accounting.hpp"
#include "core/pipeline/limit_sharing.hpp"

namespace sluice {

/// Waits for more of a limit that replicas share, for a while in all.
class LeaseWait {
public:
    LeaseWait(Accounting const& accounting, Clock& clock, Cancellation& cancellation)
        : sharing_(accounting.sharing), clock_(clock), cancellation_(cancellation) {}

    /// Whether it is worth trying again. `lease_short`: what the refusal said. Errors: when cancelled.
    Task<Result<bool>> more(bool lease_short) {
        if (sharing_ == nullptr || !lease_short) co_return false;
        if (until_ == never) until_ = clock_.now() + longest;
        co_return co_await sharing_->more(clock_, cancellation_, until_);
    }

private:
    static constexpr milliseconds longest{300};

    LimitSharing* sharing_;
    Clock& clock_;
    Cancellation& cancellation_;
    Instant until_ = never;
};

}  // namespace sluice

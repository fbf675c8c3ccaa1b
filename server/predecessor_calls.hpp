#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice {

/// During an upgrade two processes serve, each with its own LimitBook. What the other one (the predecessor; to that
/// one, its successor) has reserved and used according to the ledger counts in ours too: each of its open calls is held
/// for its money and its request, and settled as it was there. Requests at a time are each process's own. Thread: any;
/// calls that take a store block.
class PredecessorCalls {
public:
    /// Both outlive it. `epoch`: this process, whose own calls are no others'.
    PredecessorCalls(store::LedgerStore& store, std::int64_t epoch, LimitBook& limits)
        : store_(store), epoch_(epoch), limits_(limits) {}

    /// Holds what is open now, and returns the sums of the same instant: both together are all that was used so far.
    /// Errors: ledger_unavailable; then look() does nothing.
    Result<std::vector<store::HourSum>> begin(WallTime since, WallTime now);
    bool has_begun() const;

    /// Counts what was written since. Errors: ledger_unavailable; the next look catches up.
    Result<> look(WallTime now);

    /// The limits were configured: calls under way count in new ones too.
    void hold_anew(WallTime now);

    /// Nobody else was there at the last look.
    bool is_alone() const;

private:
    struct Call {
        std::vector<Payer> payers{};
        Amounts reserved{};
        Permit permit{};
    };

    void count(std::vector<store::OtherCall> calls, WallTime now);
    Permit hold(Call const& call, WallTime now);

    store::LedgerStore& store_;
    std::int64_t const epoch_;
    LimitBook& limits_;
    mutable std::mutex mutex_;  ///< guards what follows
    store::OthersRead read_{};
    std::map<store::CallId, Call> open_{};
};

}  // namespace sluice

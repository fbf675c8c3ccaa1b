#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/policy/limit_counter.hpp"
#include "core/types/limits.hpp"

namespace sluice {

/// How far this replica may go with one limit.
struct LimitLease {
    std::int64_t granted = 0;
    WallTime window_began{};  ///< the window that it was granted for
    WallTime valid_until = WallTime::min();
    WideAmount wanted = 0;
    WideAmount least_wanted = 0;
    bool touched = false;  ///< used or wanted since it was granted
};

/// What other replicas have settled of one limit.
struct SettledElsewhere {
    std::int64_t amount = 0;
    WallTime window_began{};  ///< the window that they did so in
    WallTime known_until = WallTime::min();
};

struct LimitEntry {
    LimitCounter counter;
    LimitLease lease{};
    SettledElsewhere elsewhere{};
    bool complete = false;  ///< nothing is to be restored

    bool has_lease(WallTime now) const { return lease.window_began == counter.began() && now < lease.valid_until; }
    bool knows_elsewhere(WallTime now) const {
        return elsewhere.window_began == counter.began() && now < elsewhere.known_until;
    }
};

/// One payer's limits, and what is used of them. A LimitBook's lock guards all of it but `payer` and has_limit().
class LimitAccount {
public:
    explicit LimitAccount(Payer whose) : payer(std::move(whose)) {}

    /// Has these limits from now on; counters of those that stay go on. `complete`: new ones have nothing to restore.
    void follow(std::vector<Limit> const& limits, bool complete);
    void advance(WallTime now);
    /// Nothing is reserved, and no live window has any use.
    bool idle(WallTime now);

    WideAmount& reserved_of(Resource resource) { return reserved[static_cast<std::size_t>(resource)]; }
    WideAmount held(LimitEntry const& entry) { return entry.counter.settled() + reserved_of(entry.counter.limit().of); }

    /// Thread: any.
    bool has_limit(Resource resource) const {
        return (limited_.load(std::memory_order_relaxed) >> static_cast<unsigned>(resource) & 1U) != 0;
    }

    Payer const payer;
    std::vector<LimitEntry> entries{};
    /// The same for all limits on a resource, whenever their windows began and whenever they were configured.
    std::array<WideAmount, static_cast<std::size_t>(Resource::count_)> reserved{};
    bool touched = false;  ///< stands in the book's list of those with leases to renew

private:
    std::atomic<unsigned> limited_ = 0;  ///< a bit for each resource
};

}  // namespace sluice

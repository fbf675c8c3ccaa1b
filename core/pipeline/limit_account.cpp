#include "core/pipeline/limit_account.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

void LimitAccount::follow(std::vector<Limit> const& limits, bool complete) {
    std::vector<LimitEntry> next;
    next.reserve(limits.size());
    for (auto const& limit : limits) {
        auto same = [&limit](LimitEntry const& entry) { return entry.counter.counts_as(limit); };
        auto const found = std::find_if(entries.begin(), entries.end(), same);
        if (found == entries.end()) {
            next.push_back({.counter = LimitCounter(limit), .complete = complete});
            continue;
        }
        next.push_back(*found);  // not moved: a rule may have two limits that count the same
        next.back().counter.allow(limit);
    }
    entries = std::move(next);
    unsigned limited = 0;
    for (auto const& entry : entries) limited |= 1U << static_cast<unsigned>(entry.counter.limit().of);
    limited_.store(limited, std::memory_order_relaxed);
}

void LimitAccount::advance(WallTime now) {
    for (auto& entry : entries) entry.counter.advance(now);
}

bool LimitAccount::idle(WallTime now) {
    advance(now);
    bool const holds = std::any_of(reserved.begin(), reserved.end(), [](WideAmount amount) { return amount != 0; });
    return !holds &&
           std::all_of(entries.begin(), entries.end(), [](LimitEntry const& entry) { return entry.counter.unused(); });
}

}  // namespace sluice

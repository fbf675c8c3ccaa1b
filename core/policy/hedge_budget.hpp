#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/policy/target_stats.hpp"
#include "core/types/clock.hpp"
#include "core/types/nano_usd.hpp"
#include "core/types/settings.hpp"

namespace sluice {

/// How long to wait for the first token of an attempt before a second one starts beside it: the fixed wait if there is
/// one, else the percentile of this target's own first tokens; never less than `at_least`. Nothing: no hedge, because
/// it is off or because too little was measured.
std::optional<milliseconds> hedge_delay(HedgeSettings const& settings, Measured const& measured);

/// Bounds what second attempts add: in any ten seconds at most a share of the requests that began in them, and of what
/// those cost, and one in any case, so that little traffic has hedges, too. A sliding window, nothing is saved up.
/// Shared by all workers: atomics, no lock.
class HedgeBudget {
public:
    /// `cost`: what the request is expected to cost; zero where unknown.
    void count_request(Instant now, NanoUsd cost);

    /// Takes one second attempt that costs `extra_cost`, if both bounds allow it. Two workers that ask in the same
    /// instant may both get the last one.
    bool try_take(Instant now, NanoUsd extra_cost, unsigned percent);

private:
    static constexpr std::int64_t window_seconds = 10;
    static constexpr std::size_t slot_count = 16;  ///< a power of two, more than the window

    /// A sum within one second: its number (24 bits) and the sum (40 bits, saturating).
    using Slot = std::atomic<std::uint64_t>;
    /// One sum over the sliding window.
    class Sum {
    public:
        void add(std::uint64_t second, std::uint64_t amount);
        std::uint64_t total(std::uint64_t second) const;

    private:
        std::array<Slot, slot_count> slots_{};
    };

    Sum requests_;
    Sum hedges_;
    Sum spent_;  ///< in units of ten nano-dollars: 40 bits reach 10,995 dollars a second
    Sum extra_;
};

}  // namespace sluice

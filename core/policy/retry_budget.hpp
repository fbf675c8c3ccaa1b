#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "core/types/clock.hpp"

namespace sluice {

/// Bounds what retries add to a provider's load: in each second `percent` of the requests that begin in it, and in any
/// fifteen seconds ten more. Nothing else is saved up, so that a minute's brown-out after hours of calm costs `percent`
/// and less than one retry a second. Shared by all workers: atomics, no lock.
class RetryBudget {
public:
    explicit RetryBudget(unsigned percent) : percent_(percent) {}

    void count_request(Instant now);

    /// Takes one retry, if one is left. Two workers that ask in the same instant may both get the last one.
    bool try_take(Instant now);

private:
    static constexpr std::int64_t window_seconds = 15;
    static constexpr std::uint64_t spare_retries = 10;  ///< of a window, beyond the seconds' shares
    static constexpr std::size_t slot_count = 16;       ///< a power of two, more than the window

    /// One second: its number (24 bits), requests (24 bits, saturating) and retries (16 bits).
    std::array<std::atomic<std::uint64_t>, slot_count> slots_{};
    unsigned percent_;

    void add(Instant now, std::uint64_t what);
};

}  // namespace sluice

#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "core/types/clock.hpp"

namespace sluice {

/// Bounds what retries add to a provider's load: in any fifteen seconds at most `percent` of the requests that began in
/// them, and ten more, so that a minute's brown-out costs `percent` and less than one retry a second. A sliding window
/// rather than a bucket of saved-up tokens: a brown-out after hours of calm meets the same bound. Shared by all workers:
/// atomics, no lock.
class RetryBudget {
public:
    explicit RetryBudget(unsigned percent) : percent_(percent) {}

    void count_request(Instant now);

    /// Takes one retry, if one is left. Two workers that ask in the same instant may both get the last one.
    bool try_take(Instant now);

private:
    static constexpr std::int64_t window_seconds = 15;
    static constexpr std::uint64_t spare_retries = 10;  ///< a window's
    static constexpr std::size_t slot_count = 16;  ///< a power of two, more than the window

    /// One second: its number (24 bits), requests (24 bits, saturating) and retries (16 bits).
    std::array<std::atomic<std::uint64_t>, slot_count> slots_{};
    unsigned percent_;

    void add(Instant now, std::uint64_t what);
};

}  // namespace sluice

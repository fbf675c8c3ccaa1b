#include "core/policy/retry_budget.hpp"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::uint64_t one_retry = 1;
constexpr std::uint64_t one_request = std::uint64_t{1} << 16U;
constexpr std::uint64_t second_mask = 0xFF'FFFF;

std::uint64_t second_of(Instant now) {
    // One more than the count, so that a slot of zeros belongs to no second that can occur at the start.
    auto const seconds_passed = std::chrono::floor<seconds>(now.time_since_epoch()).count() + 1;
    return static_cast<std::uint64_t>(seconds_passed) & second_mask;
}

std::uint64_t requests_in(std::uint64_t slot) { return (slot >> 16U) & 0xFF'FFFF; }
std::uint64_t retries_in(std::uint64_t slot) { return slot & 0xFFFF; }

}  // namespace

void RetryBudget::add(Instant now, std::uint64_t what) {
    auto const second = second_of(now);
    auto& slot = slots_[second % slot_count];
    auto seen = slot.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
        next = (seen >> 40U) == second ? seen : second << 40U;
        bool const full = what == one_retry ? retries_in(next) == 0xFFFF : requests_in(next) == 0xFF'FFFF;
        if (!full) next += what;
    } while (!slot.compare_exchange_weak(seen, next, std::memory_order_relaxed));
}

void RetryBudget::count_request(Instant now) { add(now, one_request); }

bool RetryBudget::try_take(Instant now) {
    auto const current = second_of(now);
    bool const is_first = slots_[current % slot_count].load(std::memory_order_relaxed) >> 40U != current;
    std::uint64_t beyond = is_first ? 100 : 0;  // their seconds' shares, in hundredths of a retry
    for (auto const& slot : slots_) {
        auto const seen = slot.load(std::memory_order_relaxed);
        auto const age = (current - (seen >> 40U)) & second_mask;
        if (age >= static_cast<std::uint64_t>(window_seconds)) continue;
        auto const retries = retries_in(seen) + (age == 0 ? one_retry : 0);
        auto const share = requests_in(seen) * percent_;
        beyond += std::max(retries * 100, share) - share;
    }
    if (beyond > spare_retries * 100) return false;
    add(now, one_retry);
    return true;
}

}  // namespace sluice

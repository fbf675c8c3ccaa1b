#include "core/policy/hedge_budget.hpp"

#include <algorithm>
#include <chrono>

namespace sluice {
namespace {

constexpr std::uint64_t second_mask = 0xFF'FFFF;
constexpr unsigned sum_bits = 40;
constexpr std::uint64_t largest_sum = (std::uint64_t{1} << sum_bits) - 1;

std::uint64_t second_of(Instant now) {
    // One more than the count, so that a slot of zeros belongs to no second that can occur at the start.
    auto const seconds_passed = std::chrono::floor<seconds>(now.time_since_epoch()).count() + 1;
    return static_cast<std::uint64_t>(seconds_passed) & second_mask;
}

std::uint64_t in_units(NanoUsd cost) {
    constexpr std::int64_t nano_dollars_per_unit = 10;
    auto const positive = std::max<std::int64_t>(cost.count, 0);
    return static_cast<std::uint64_t>((positive + nano_dollars_per_unit - 1) / nano_dollars_per_unit);
}

}  // namespace

std::optional<milliseconds> hedge_delay(HedgeSettings const& settings, Measured const& measured) {
    if (!settings.enabled) return std::nullopt;
    if (settings.after > milliseconds::zero()) return std::max(settings.after, settings.at_least);
    auto const* const known = std::find(percentiles.begin(), percentiles.end(), settings.percentile);
    if (known == percentiles.end() || measured.requests < enough_samples) return std::nullopt;
    auto const learned = measured.first_token_us[static_cast<std::size_t>(known - percentiles.begin())];
    if (learned == 0) return std::nullopt;
    return std::max(std::chrono::ceil<milliseconds>(std::chrono::microseconds(learned)), settings.at_least);
}

void HedgeBudget::Sum::add(std::uint64_t second, std::uint64_t amount) {
    auto& slot = slots_[second % slot_count];
    auto seen = slot.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
        auto const before = (seen >> sum_bits) == second ? seen & largest_sum : 0;
        next = (second << sum_bits) | std::min(before + std::min(amount, largest_sum), largest_sum);
    } while (!slot.compare_exchange_weak(seen, next, std::memory_order_relaxed));
}

std::uint64_t HedgeBudget::Sum::total(std::uint64_t second) const {
    std::uint64_t total = 0;
    for (auto const& slot : slots_) {
        auto const seen = slot.load(std::memory_order_relaxed);
        auto const age = (second - (seen >> sum_bits)) & second_mask;
        if (age < static_cast<std::uint64_t>(window_seconds)) total += seen & largest_sum;
    }
    return total;
}

void HedgeBudget::count_request(Instant now, NanoUsd cost) {
    auto const second = second_of(now);
    requests_.add(second, 1);
    spent_.add(second, in_units(cost));
}

bool HedgeBudget::try_take(Instant now, NanoUsd extra_cost, unsigned percent) {
    auto const second = second_of(now);
    auto const extra = in_units(extra_cost);
    if (percent == 0) return false;
    if (auto const made = hedges_.total(second); made > 0) {  // the first of a window needs no traffic to pay for it
        if ((made + 1) * 100 > requests_.total(second) * percent) return false;
        if (extra > 0 && (extra_.total(second) + extra) * 100 > spent_.total(second) * percent) return false;
    }
    hedges_.add(second, 1);
    extra_.add(second, extra);
    return true;
}

}  // namespace sluice

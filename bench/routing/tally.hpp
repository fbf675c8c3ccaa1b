#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "bench/routing/simulation.hpp"
#include "core/types/money.hpp"

namespace sluice::routing {

/// Adds up what the counted requests took and cost.
class Tally {
public:
    Figures figures{};  ///< the counts; the rest is filled by finished()

    void answered(double latency, Usage usage, PriceSheet const& price) {
        latencies_.push_back(latency);
        cost_ += static_cast<double>(cost_of(usage, price).count);
        input_tokens_ += static_cast<double>(usage.input);
        cached_tokens_ += static_cast<double>(usage.cached_input);
        usage.output = 0;
        input_cost_ += static_cast<double>(cost_of(usage, price).count);
    }

    /// A second attempt that came too late: its prompt was read, nothing was written.
    void lost(std::int64_t input_tokens, PriceSheet const& price) {
        hedge_cost_ += static_cast<double>(cost_of({.input = input_tokens}, price).count);
    }

    Figures finished(double slo_bound) {
        auto result = figures;
        if (latencies_.empty()) return result;
        std::sort(latencies_.begin(), latencies_.end());
        auto const count = static_cast<double>(latencies_.size());
        for (auto const latency : latencies_) result.mean_latency += latency / count;
        result.p50 = at(0.50);
        result.p95 = at(0.95);
        result.p99 = at(0.99);
        result.cost = (cost_ + hedge_cost_) / count / 1'000;
        result.hedge_cost = hedge_cost_ / count / 1'000;
        result.input_cost = input_cost_ / count / 1'000;
        result.cached_share = cached_tokens_ / input_tokens_;
        auto const within = std::upper_bound(latencies_.begin(), latencies_.end(), slo_bound) - latencies_.begin();
        result.within_slo = static_cast<double>(within) / count;
        return result;
    }

private:
    double at(double share) const {
        return latencies_[static_cast<std::size_t>(share * static_cast<double>(latencies_.size() - 1))];
    }

    std::vector<double> latencies_;  ///< seconds
    double cost_ = 0;                ///< nano-dollars, as the next ones
    double input_cost_ = 0;
    double hedge_cost_ = 0;
    double input_tokens_ = 0;
    double cached_tokens_ = 0;
};

}  // namespace sluice::routing

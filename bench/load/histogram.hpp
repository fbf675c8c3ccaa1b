#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sluice::bench {

/// Counts durations in log-linear buckets: every sample is counted, and a percentile is right within 0.2 %.
class Histogram {
public:
    void add(std::chrono::nanoseconds value) {
        auto ns = value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count());
        ++buckets_[bucket_of(ns)];
        ++count_;
        if (ns > max_) max_ = ns;
    }

    std::uint64_t count() const { return count_; }
    std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_); }

    /// The smallest duration that at least `part` (0..1) of the samples do not exceed; zero without samples.
    std::chrono::nanoseconds quantile(double part) const {
        auto wanted = static_cast<std::uint64_t>(part * static_cast<double>(count_));
        if (wanted >= count_) return max();
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > wanted) return std::chrono::nanoseconds(value_of(i));
        }
        return max();
    }

private:
    static constexpr unsigned precision = 9;  // bits of mantissa
    static constexpr std::size_t half = std::size_t{1} << precision;

    static std::size_t bucket_of(std::uint64_t ns) {
        auto width = static_cast<unsigned>(std::bit_width(ns));
        if (width <= precision + 1) return ns;
        unsigned shift = width - precision - 1;
        return shift * half + (ns >> shift);
    }
    static std::uint64_t value_of(std::size_t bucket) {
        if (bucket < 2 * half) return bucket;
        std::size_t shift = bucket / half - 1;
        return (bucket - shift * half) << shift;
    }

    std::array<std::uint64_t, half * (64 - precision + 1)> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ = 0;
};

}  // namespace sluice::bench

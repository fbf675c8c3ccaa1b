#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "core/policy/breaker.hpp"
#include "core/types/clock.hpp"
#include "core/types/routing.hpp"

namespace sluice {

/// How an attempt went, as far as choosing depends on it.
struct AttemptSample {
    Verdict verdict = Verdict::silent;
    std::optional<Duration> first_token{};  ///< of a stream, from sending to the first valid delta
    Duration duration{0};
    std::int64_t input_tokens = 0;  ///< 0 where nothing was answered
    std::int64_t output_tokens = 0;
    std::int64_t cached_tokens = 0;  ///< of the input, read from the provider's cache
    bool resumed_session = false;    ///< its session was here before: the cache could be warm
};

/// What recent samples tell of one target. Integers, so that a record of a decision holds them exactly. Zero: unknown.
struct Measured {
    std::uint32_t requests = 0;             ///< in the window, with a verdict
    std::uint32_t failures = 0;             ///< of them
    ByPercentile first_token_us{};          ///< of streams
    ByPercentile answer_us{};               ///< of whole answers
    ByPercentile tokens_per_second{};       ///< that so many percent of the answers reach: falls from p50 to p99
    std::uint32_t us_per_output_token = 0;  ///< mean over whole answers, prompt included: normalises by length
    std::uint32_t mean_output_tokens = 0;
    std::uint32_t cached_permille = 0;  ///< of the input of resumed sessions
    std::uint32_t resumed = 0;          ///< how many such requests that is
    friend bool operator==(Measured const&, Measured const&) = default;
};

/// Below this, figures say too little to judge a target by.
inline constexpr std::uint32_t enough_samples = 20;

/// A count of values by logarithmic steps, four to a doubling. A value read back is right within 9.1 %.
class LogHistogram {
public:
    void add(std::uint64_t value);
    void add(LogHistogram const& other);
    bool empty() const { return total_ == 0; }

    /// The smallest value that `percent` of all values do not exceed, as the middle of its step; 0 when empty.
    std::uint32_t percentile(unsigned percent) const;

private:
    static constexpr std::size_t step_count = 128;  ///< up to 2^32: 71 minutes in microseconds
    std::array<std::uint32_t, step_count> counts_{};
    std::uint32_t total_ = 0;
};

/// Remembers the samples of the last `window` in rotating buckets with logarithmic steps (a percentile is right within
/// 9.1 %). A sample is forgotten between 270 and 300 seconds after it came. About 20 KiB, no allocation. Thread: one at
/// a time.
class TargetStats {
public:
    static constexpr seconds window{300};

    void add(AttemptSample const& sample, Instant now);

    /// Computed anew at most every 100 ms.
    Measured const& measured(Instant now);

private:
    static constexpr std::size_t bucket_count = 10;
    struct Bucket {
        std::int64_t period = -1;
        std::uint32_t requests = 0;
        std::uint32_t failures = 0;
        std::uint32_t answers = 0;  ///< whole ones
        std::uint32_t resumed = 0;
        std::int64_t answer_us = 0;
        std::int64_t output_tokens = 0;
        std::int64_t resumed_input = 0;
        std::int64_t resumed_cached = 0;
        LogHistogram first_token_us;
        LogHistogram whole_us;
        LogHistogram tokens_per_second;
    };

    static std::int64_t period_of(Instant now) {
        return now.time_since_epoch() / (window / static_cast<int>(bucket_count));
    }
    static void add_answer(Bucket& bucket, AttemptSample const& sample);
    static void merge(Bucket& sum, Bucket const& part);
    Measured compute(Instant now) const;

    std::array<Bucket, bucket_count> buckets_{};
    Measured measured_{};
    Instant computed_at_ = Instant::min();
};

}  // namespace sluice

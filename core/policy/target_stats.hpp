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
    std::optional<Duration> first_token;  ///< of a stream, from sending to the first valid delta
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

/// Remembers the samples of the last `window` in rotating buckets with logarithmic steps (a percentile is right within
/// 9 %). No allocation after construction. Thread: one at a time.
class TargetStats {
public:
    static constexpr seconds window{300};

    void add(AttemptSample const& sample, Instant now);

    /// Computed anew at most every 100 ms.
    Measured const& measured(Instant now);

private:
    // to be written with the implementation
};

}  // namespace sluice

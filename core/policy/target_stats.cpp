#include "core/policy/target_stats.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace sluice {
namespace {

constexpr double steps_per_doubling = 4;
/// Shorter answers say nothing about speed: they often come in one piece.
constexpr std::int64_t enough_tokens_for_speed = 16;

std::int64_t in_microseconds(Duration duration) {
    return std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count(), 0);
}

std::uint32_t quotient(std::int64_t sum, std::int64_t count) {
    if (count <= 0) return 0;
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(sum / count, 0, std::numeric_limits<std::uint32_t>::max()));
}

ByPercentile rising(LogHistogram const& values) {
    ByPercentile out{};
    for (std::size_t i = 0; i < percentiles.size(); ++i) out[i] = values.percentile(percentiles[i]);
    return out;
}

/// What so many percent reach or exceed.
ByPercentile falling(LogHistogram const& values) {
    ByPercentile out{};
    for (std::size_t i = 0; i < percentiles.size(); ++i) out[i] = values.percentile(100 - percentiles[i]);
    return out;
}

}  // namespace

void LogHistogram::add(std::uint64_t value) {
    auto const step = std::log2(static_cast<double>(std::max<std::uint64_t>(value, 1))) * steps_per_doubling;
    ++counts_[std::min(static_cast<std::size_t>(step), step_count - 1)];
    ++total_;
}

void LogHistogram::add(LogHistogram const& other) {
    if (other.empty()) return;
    for (std::size_t i = 0; i < step_count; ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
}

std::uint32_t LogHistogram::percentile(unsigned percent) const {
    if (empty()) return 0;
    auto const rank = std::max<std::uint64_t>((std::uint64_t{total_} * percent + 99) / 100, 1);
    std::uint64_t seen = 0;
    std::size_t step = 0;
    while ((seen += counts_[step]) < rank) ++step;
    return static_cast<std::uint32_t>(std::exp2((static_cast<double>(step) + 0.5) / steps_per_doubling));
}

void TargetStats::add_answer(Bucket& bucket, AttemptSample const& sample) {
    ++bucket.answers;
    auto const whole = in_microseconds(sample.duration);
    bucket.answer_us += whole;
    bucket.output_tokens += sample.output_tokens;
    bucket.whole_us.add(static_cast<std::uint64_t>(whole));
    auto const producing = whole - (sample.first_token ? in_microseconds(*sample.first_token) : 0);
    if (sample.output_tokens < enough_tokens_for_speed || producing <= 0) return;
    bucket.tokens_per_second.add(static_cast<std::uint64_t>(sample.output_tokens * 1'000'000 / producing));
}

void TargetStats::add(AttemptSample const& sample, Instant now) {
    auto const period = period_of(now);
    auto& bucket = buckets_[static_cast<std::size_t>(period) % bucket_count];
    if (bucket.period != period) {
        bucket = Bucket();
        bucket.period = period;
    }
    if (sample.verdict != Verdict::silent) ++bucket.requests;
    if (sample.verdict == Verdict::failure) ++bucket.failures;
    if (sample.first_token) bucket.first_token_us.add(static_cast<std::uint64_t>(in_microseconds(*sample.first_token)));
    if (sample.verdict == Verdict::success && sample.output_tokens > 0) add_answer(bucket, sample);
    if (sample.resumed_session && sample.input_tokens > 0) {
        ++bucket.resumed;
        bucket.resumed_input += sample.input_tokens;
        bucket.resumed_cached += std::clamp<std::int64_t>(sample.cached_tokens, 0, sample.input_tokens);
    }
}

void TargetStats::merge(Bucket& sum, Bucket const& part) {
    sum.requests += part.requests;
    sum.failures += part.failures;
    sum.answers += part.answers;
    sum.resumed += part.resumed;
    sum.answer_us += part.answer_us;
    sum.output_tokens += part.output_tokens;
    sum.resumed_input += part.resumed_input;
    sum.resumed_cached += part.resumed_cached;
    sum.first_token_us.add(part.first_token_us);
    sum.whole_us.add(part.whole_us);
    sum.tokens_per_second.add(part.tokens_per_second);
}

Measured TargetStats::compute(Instant now) const {
    auto const oldest = period_of(now) - static_cast<std::int64_t>(bucket_count) + 1;
    Bucket sum;
    for (auto const& bucket : buckets_) {
        if (bucket.period >= oldest) merge(sum, bucket);
    }
    return {.requests = sum.requests,
            .failures = sum.failures,
            .first_token_us = rising(sum.first_token_us),
            .answer_us = rising(sum.whole_us),
            .tokens_per_second = falling(sum.tokens_per_second),
            .us_per_output_token = quotient(sum.answer_us, sum.output_tokens),
            .mean_output_tokens = quotient(sum.output_tokens, sum.answers),
            .cached_permille = quotient(sum.resumed_cached * 1'000, sum.resumed_input),
            .resumed = sum.resumed};
}

Measured const& TargetStats::measured(Instant now) {
    if (computed_at_ == Instant::min() || now - computed_at_ >= milliseconds(100)) {
        measured_ = compute(now);
        computed_at_ = now;
    }
    return measured_;
}

}  // namespace sluice

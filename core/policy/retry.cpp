#include "core/policy/retry.hpp"

#include <algorithm>

namespace sluice {
namespace {

/// Does the configuration's `retry.when` cover this kind?
bool wanted(ErrorKind kind, RetrySettings const& settings) {
    switch (kind) {
        case ErrorKind::upstream_unavailable:
            return settings.on_connect;
        case ErrorKind::upstream_timeout:
            return settings.on_timeout;
        case ErrorKind::upstream_rate_limited:
        case ErrorKind::upstream_quota_exhausted:
            return settings.on_rate_limit;
        case ErrorKind::upstream_server_error:
        case ErrorKind::upstream_overloaded:
        case ErrorKind::upstream_invalid_response:
        case ErrorKind::upstream_empty_answer:
        case ErrorKind::stream_interrupted:
            return settings.on_server_error;
        default:
            return true;
    }
}

/// A pool without a free connection never sent the request; the client's table says "never" for it.
Retry way_out(ErrorKind kind) { return kind == ErrorKind::overloaded ? Retry::other_target : describe(kind).retry; }

milliseconds backoff(unsigned failures, RetrySettings const& settings, double random) {
    auto const doublings = std::min(std::max(failures, 1U) - 1, 20U);
    auto const ceiling = std::min(settings.backoff_first * (std::int64_t{1} << doublings), settings.backoff_max);
    return milliseconds(static_cast<milliseconds::rep>(static_cast<double>(ceiling.count()) * random));
}

Decision same_target(Error const& error, AttemptHistory const& history, RetrySettings const& settings, double random) {
    if (error.retry_after && *error.retry_after > std::min(settings.retry_after_max, longest_sleep)) {
        return {.reason = "the upstream asks for a longer wait than allowed"};
    }
    auto const wait = error.retry_after.value_or(backoff(history.failures_here, settings, random));
    if (wait >= history.time_left) return {.reason = "no time left to wait for a retry"};
    return {.step = NextStep::same_target, .wait = wait, .reason = "retry after backoff"};
}

/// What no rule would repeat, but the upstream calls an accident: the same again, a single time.
Decision once_more(Error const& error, AttemptHistory const& history, RetrySettings const& settings, double random) {
    if (history.failures_here > 1 || history.attempts > settings.attempts) {
        return {.reason = "this kind of failure is repeated once"};
    }
    return same_target(error, history, settings, random);
}

}  // namespace

Decision next_step(Error const& error, AttemptHistory const& history, RetrySettings const& settings, double random) {
    auto const retry = way_out(error.kind);
    if (retry == Retry::never && error.retryable == true) return once_more(error, history, settings, random);
    if (retry == Retry::never) return {.reason = "this kind of failure is not repeated"};
    if (!wanted(error.kind, settings)) return {.reason = "the configuration does not retry this kind of failure"};
    if (history.attempts > settings.attempts) return {.reason = "all attempts are used up"};
    if (history.time_left <= milliseconds::zero()) return {.reason = "no time left for another attempt"};
    if (retry == Retry::other_credential && history.credential_free) {
        return {.step = NextStep::other_credential, .reason = "another credential is free"};
    }
    if (history.target_left) return {.step = NextStep::other_target, .reason = "another target takes over"};
    if (error.retryable == false) return {.reason = "the upstream says not to ask it again"};
    if (retry == Retry::same_target || error.retryable == true) return same_target(error, history, settings, random);
    if (error.kind == ErrorKind::upstream_rate_limited && error.retry_after) {
        return same_target(error, history, settings, random);
    }
    return {.reason = "no other target is left"};
}

}  // namespace sluice

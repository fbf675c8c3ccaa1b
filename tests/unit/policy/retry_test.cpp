#include "core/policy/retry.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

constexpr double largest = 0.999999;

AttemptHistory alone() { return {}; }
AttemptHistory with_target() { return {.target_left = true}; }
AttemptHistory with_credential() { return {.credential_free = true}; }
AttemptHistory with_both() { return {.credential_free = true, .target_left = true}; }

NextStep step(ErrorKind kind, AttemptHistory const& history) {
    return next_step(Error{.kind = kind}, history, RetrySettings{}, largest).step;
}

}  // namespace

TEST_CASE("what each failure allows", "[retry]") {
    struct Row {
        ErrorKind kind;
        NextStep alone, with_credential, with_target, with_both;
    };
    using enum NextStep;
    auto row = GENERATE(values<Row>({
        {ErrorKind::upstream_unavailable, same_target, same_target, other_target, other_target},
        {ErrorKind::upstream_server_error, same_target, same_target, other_target, other_target},
        {ErrorKind::upstream_overloaded, same_target, same_target, other_target, other_target},
        {ErrorKind::upstream_timeout, give_up, give_up, other_target, other_target},
        {ErrorKind::upstream_invalid_response, give_up, give_up, other_target, other_target},
        {ErrorKind::upstream_empty_answer, give_up, give_up, other_target, other_target},
        {ErrorKind::stream_interrupted, give_up, give_up, other_target, other_target},
        {ErrorKind::upstream_model_missing, give_up, give_up, other_target, other_target},
        {ErrorKind::upstream_request_too_large, give_up, give_up, other_target, other_target},
        {ErrorKind::upstream_rate_limited, give_up, other_credential, other_target, other_credential},
        {ErrorKind::upstream_auth, give_up, other_credential, other_target, other_credential},
        {ErrorKind::upstream_quota_exhausted, give_up, other_credential, other_target, other_credential},
        {ErrorKind::overloaded, give_up, give_up, other_target, other_target},
        {ErrorKind::upstream_rejected, give_up, give_up, give_up, give_up},
        {ErrorKind::client_closed, give_up, give_up, give_up, give_up},
        {ErrorKind::server_shutdown, give_up, give_up, give_up, give_up},
        {ErrorKind::internal, give_up, give_up, give_up, give_up},
    }));
    CAPTURE(describe(row.kind).code);
    CHECK(step(row.kind, alone()) == row.alone);
    CHECK(step(row.kind, with_credential()) == row.with_credential);
    CHECK(step(row.kind, with_target()) == row.with_target);
    CHECK(step(row.kind, with_both()) == row.with_both);
}

TEST_CASE("every decision states its reason", "[retry]") {
    for (int i = 0; i < static_cast<int>(ErrorKind::count_); ++i) {
        auto const kind = static_cast<ErrorKind>(i);
        CHECK_FALSE(next_step(Error{.kind = kind}, with_both(), RetrySettings{}, 0).reason.empty());
        CHECK_FALSE(next_step(Error{.kind = kind}, alone(), RetrySettings{}, 0).reason.empty());
    }
}

TEST_CASE("an upstream's wait is honoured up to the longest allowed, and beyond it another target takes over",
          "[retry]") {
    auto kind = GENERATE(ErrorKind::upstream_rate_limited, ErrorKind::upstream_overloaded);
    CAPTURE(describe(kind).code);
    Error const soon{.kind = kind, .retry_after = milliseconds(5'000)};
    Error const late{.kind = kind, .retry_after = milliseconds(5'001)};
    auto const decision = next_step(soon, alone(), RetrySettings{}, 0.3);
    CHECK(decision.step == NextStep::same_target);
    CHECK(decision.wait == milliseconds(5'000));
    CHECK(next_step(late, alone(), RetrySettings{}, 0.3).step == NextStep::give_up);
    CHECK(next_step(late, with_target(), RetrySettings{}, 0.3).step == NextStep::other_target);
}

TEST_CASE("the backoff doubles up to its cap, with full jitter", "[retry]") {
    auto [failures, ceiling] =
        GENERATE(table<unsigned, int>({{1, 100}, {2, 200}, {3, 400}, {5, 1'600}, {6, 2'000}, {60, 2'000}}));
    CAPTURE(failures);
    Error const error{.kind = ErrorKind::upstream_server_error};
    AttemptHistory const history{.failures_here = failures};
    CHECK(next_step(error, history, RetrySettings{}, 0).wait == milliseconds(0));
    CHECK(next_step(error, history, RetrySettings{}, 0.5).wait == milliseconds(ceiling / 2));
    CHECK(next_step(error, history, RetrySettings{}, largest).wait == milliseconds(ceiling - 1));
}

TEST_CASE("attempts and time are limited", "[retry]") {
    Error const error{.kind = ErrorKind::upstream_server_error};
    RetrySettings const settings{.attempts = 2};
    auto step_of = [&error, &settings](AttemptHistory const& history) {
        return next_step(error, history, settings, largest).step;
    };
    CHECK(step_of({.attempts = 2}) == NextStep::same_target);
    CHECK(step_of({.attempts = 3}) == NextStep::give_up);
    CHECK(step_of({.attempts = 3, .target_left = true}) == NextStep::give_up);
    CHECK(step_of({.time_left = milliseconds(99)}) == NextStep::give_up);
    CHECK(step_of({.time_left = milliseconds(100)}) == NextStep::same_target);
    CHECK(step_of({.target_left = true, .time_left = milliseconds(0)}) == NextStep::give_up);
}

TEST_CASE("the configuration can rule a kind of failure out", "[retry]") {
    auto [kind, settings] = GENERATE(table<ErrorKind, RetrySettings>({
        {ErrorKind::upstream_unavailable, {.on_connect = false}},
        {ErrorKind::upstream_timeout, {.on_timeout = false}},
        {ErrorKind::upstream_rate_limited, {.on_rate_limit = false}},
        {ErrorKind::upstream_server_error, {.on_server_error = false}},
        {ErrorKind::upstream_auth, {.attempts = 0}},
    }));
    CAPTURE(describe(kind).code);
    CHECK(next_step(Error{.kind = kind}, with_both(), settings, 0).step == NextStep::give_up);
    CHECK(next_step(Error{.kind = kind}, with_both(), RetrySettings{}, 0).step != NextStep::give_up);
}

TEST_CASE("the upstream's own word says whether it is asked again", "[retry]") {
    using enum NextStep;
    auto const step_with = [](ErrorKind kind, bool retryable, AttemptHistory const& history) {
        return next_step(Error{.kind = kind, .retryable = retryable}, history, RetrySettings{}, largest).step;
    };
    CHECK(step_with(ErrorKind::upstream_overloaded, false, alone()) == give_up);
    CHECK(step_with(ErrorKind::upstream_overloaded, false, with_target()) == other_target);
    CHECK(step_with(ErrorKind::upstream_rate_limited, false, with_both()) == other_credential);
    CHECK(step_with(ErrorKind::upstream_rate_limited, true, alone()) == same_target);
    CHECK(step_with(ErrorKind::upstream_rejected, true, with_target()) == same_target);
    CHECK(step_with(ErrorKind::upstream_rejected, true, {.attempts = 2, .failures_here = 2}) == give_up);
    CHECK(step_with(ErrorKind::upstream_rejected, false, alone()) == give_up);
}

TEST_CASE("nobody sleeps for more than two minutes, whatever is configured", "[retry]") {
    RetrySettings const patient{.retry_after_max = seconds(3600)};
    auto const step_after = [&patient](milliseconds wait) {
        return next_step(Error{.kind = ErrorKind::upstream_overloaded, .retry_after = wait}, alone(), patient, 0).step;
    };
    CHECK(step_after(seconds(120)) == NextStep::same_target);
    CHECK(step_after(seconds(121)) == NextStep::give_up);
}

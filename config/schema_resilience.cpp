#include <algorithm>

#include "config/binding.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

constexpr std::int64_t one_hour = 3'600'000;
constexpr std::int64_t one_day = 24 * one_hour;

std::vector<Field> connection_timeouts() {
    return {
        {.key = "connect",
         .kind = Kind::duration,
         .standard = "2s",
         .sentence = "To a TCP connection with the upstream.",
         .bind = bind<&TimeoutSettings::connect>(),
         .most = one_hour},
        {.key = "tls",
         .kind = Kind::duration,
         .standard = "3s",
         .sentence = "From there to the end of the TLS handshake.",
         .bind = bind<&TimeoutSettings::tls>(),
         .most = one_hour},
    };
}

std::vector<Field> answer_timeouts() {
    return {
        {.key = "first_token",
         .kind = Kind::duration,
         .standard = "2m",
         .sentence = "From the end of the request to the first event of a stream.",
         .bind = bind<&TimeoutSettings::first_token>(),
         .most = one_day},
        {.key = "whole_answer",
         .kind = Kind::duration,
         .standard = "10m",
         .sentence = "From the end of the request to the head of an answer that is not streamed.",
         .bind = bind<&TimeoutSettings::whole_answer>(),
         .most = one_day},
        {.key = "idle",
         .kind = Kind::duration,
         .standard = "1m",
         .sentence = "Between two pieces of a stream.",
         .bind = bind<&TimeoutSettings::idle>(),
         .most = one_day},
        {.key = "total",
         .kind = Kind::duration,
         .standard = "10m",
         .sentence = "The whole request, all attempts together.",
         .bind = bind<&TimeoutSettings::total>(),
         .most = one_day},
        {.key = "min_rate",
         .kind = Kind::size,
         .standard = "0",
         .sentence = "Bytes per second below which a stream counts as stalled; 0: never.",
         .bind = bind<&TimeoutSettings::min_rate>(),
         .most = 1 << 30},
        {.key = "start_rate",
         .kind = Kind::count,
         .standard = "0",
         .sentence = "Characters of text per second that a stream must reach before the client sees any of it; slower "
                     "ones go to another target. 0: none need.",
         .bind = bind<&TimeoutSettings::start_rate>(),
         .most = 1'000'000},
        {.key = "start_window",
         .kind = Kind::duration,
         .standard = "2s",
         .sentence = "The longest that a text is held back for `start_rate`.",
         .bind = bind<&TimeoutSettings::start_window>(),
         .least = 1,
         .most = 60'000},
    };
}

Section timeouts(std::string_view title, std::vector<Field> first, std::vector<Field> const& more) {
    first.insert(first.end(), more.begin(), more.end());
    return Section{.title = title, .fields = std::move(first), .fresh = fresh<TimeoutSettings>()};
}

}  // namespace

Section const& default_timeout_section() {
    static Section const section = timeouts("defaults.timeout", connection_timeouts(), answer_timeouts());
    return section;
}
Section const& provider_timeout_section() {
    static Section const section = timeouts("providers.NAME.timeout", connection_timeouts(), {});
    return section;
}
Section const& model_timeout_section() {
    static Section const section = timeouts("models.NAME.timeout", answer_timeouts(), {});
    return section;
}

namespace {

constexpr std::string_view retry_reasons[] = {"connect", "timeout", "429", "5xx"};
constexpr bool RetrySettings::* retry_flags[] = {&RetrySettings::on_connect, &RetrySettings::on_timeout,
                                                 &RetrySettings::on_rate_limit, &RetrySettings::on_server_error};

Binding bind_retry_reasons() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto const& words = std::get<Texts>(value);
                    for (std::size_t i = 0; i < std::size(retry_reasons); ++i) {
                        bool const is_listed = std::ranges::find(words, retry_reasons[i]) != words.end();
                        static_cast<RetrySettings*>(object)->*retry_flags[i] = is_listed;
                    }
                },
            .current =
                [](void const* object) {
                    Texts words;
                    for (std::size_t i = 0; i < std::size(retry_reasons); ++i) {
                        if (static_cast<RetrySettings const*>(object)->*retry_flags[i])
                            words.emplace_back(retry_reasons[i]);
                    }
                    return Value(words);
                }};
}

Binding bind_backoff() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto& retry = *static_cast<RetrySettings*>(object);
                    retry.backoff_first = std::get<DurationRange>(value).first;
                    retry.backoff_max = std::get<DurationRange>(value).last;
                },
            .current =
                [](void const* object) {
                    auto const& retry = *static_cast<RetrySettings const*>(object);
                    return Value(DurationRange{retry.backoff_first, retry.backoff_max});
                }};
}

}  // namespace

Section const& retry_section() {
    static Section const section{
        .title = "retry",
        .fields =
            {
                {.key = "attempts",
                 .kind = Kind::integer,
                 .standard = "2",
                 .sentence = "Further attempts after the first, on the same or other targets.",
                 .bind = bind<&RetrySettings::attempts>(),
                 .most = 10},
                {.key = "when",
                 .kind = Kind::choices,
                 .standard = "[connect, timeout, 429, 5xx]",
                 .sentence = "What a failure must be for another attempt.",
                 .bind = bind_retry_reasons(),
                 .choices = {std::begin(retry_reasons), std::end(retry_reasons)}},
                {.key = "backoff",
                 .kind = Kind::durations,
                 .standard = "100ms..2s",
                 .sentence =
                     "Wait before the second and at most before a later attempt on the same target; random below that.",
                 .bind = bind_backoff(),
                 .most = one_hour},
                {.key = "retry_after_max",
                 .kind = Kind::duration,
                 .standard = "5s",
                 .sentence =
                     "The longest wait asked for by an upstream that is honoured; above it another target is tried.",
                 .bind = bind<&RetrySettings::retry_after_max>(),
                 .most = one_hour},
                {.key = "max_extra_load",
                 .kind = Kind::percent,
                 .standard = "10%",
                 .sentence = "How many repetitions at a provider there may be, as a share of each second's requests; "
                             "in any 15 s ten more.",
                 .bind = bind<&RetrySettings::max_extra_load_percent>(),
                 .most = 100},
            },
        .fresh = fresh<RetrySettings>(),
    };
    return section;
}

Section const& breaker_section() {
    static Section const section{
        .title = "breaker",
        .fields =
            {
                {.key = "window",
                 .kind = Kind::duration,
                 .standard = "10s",
                 .sentence = "The time over which failures are counted.",
                 .bind = bind<&BreakerSettings::window>(),
                 .least = 100,
                 .most = one_hour},
                {.key = "min_requests",
                 .kind = Kind::integer,
                 .standard = "20",
                 .sentence = "Requests in the window before the ratio means anything.",
                 .bind = bind<&BreakerSettings::min_requests>(),
                 .least = 1,
                 .most = 1'000'000},
                {.key = "failure_ratio",
                 .kind = Kind::percent,
                 .standard = "50%",
                 .sentence = "Failures at which the breaker opens.",
                 .bind = bind<&BreakerSettings::failure_percent>(),
                 .least = 1,
                 .most = 100},
                {.key = "consecutive",
                 .kind = Kind::integer,
                 .standard = "5",
                 .sentence = "Failures in a row at which it opens whatever the ratio; 0: never.",
                 .bind = bind<&BreakerSettings::consecutive>(),
                 .most = 1'000'000},
                {.key = "open_for",
                 .kind = Kind::duration,
                 .standard = "5s",
                 .sentence = "How long it stays open the first time; doubled each time it opens again.",
                 .bind = bind<&BreakerSettings::open_for>(),
                 .least = 1,
                 .most = one_day},
                {.key = "open_max",
                 .kind = Kind::duration,
                 .standard = "1m",
                 .sentence = "The longest that it stays open.",
                 .bind = bind<&BreakerSettings::open_max>(),
                 .least = 1,
                 .most = one_day},
                {.key = "try_when_all_open",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "Whether a request that finds the breakers of all targets open tries the one whose next "
                             "probe is nearest.",
                 .bind = bind<&BreakerSettings::try_when_all_open>()},
            },
        .fresh = fresh<BreakerSettings>(),
    };
    return section;
}

}  // namespace sluice::config

#include "config/binding.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

constexpr std::int64_t one_hour = 3'600'000;
constexpr std::int64_t one_day = 24 * one_hour;

}  // namespace

Section const& credential_section() {
    static Section const section{
        .title = "providers.NAME.api_keys[]",
        .fields =
            {
                {.key = "name",
                 .kind = Kind::text,
                 .sentence = "For logs and metrics.",
                 .bind = bind<&CredentialSettings::name>(),
                 .presence = Presence::required,
                 .example = "org-a"},
                {.key = "value",
                 .kind = Kind::secret,
                 .sentence = "The key: `${VAR}`, `{env: VAR}`, `{file: PATH}`, or itself.",
                 .bind = bind<&CredentialSettings::value>(),
                 .presence = Presence::required,
                 .example = "{ env: OPENAI_KEY_A }"},
                {.key = "weight",
                 .kind = Kind::integer,
                 .standard = "1",
                 .sentence = "Its share of the requests.",
                 .bind = bind<&CredentialSettings::weight>(),
                 .least = 1,
                 .most = 1000},
            },
        .fresh = fresh<CredentialSettings>(),
    };
    return section;
}

Section const& auth_section() {
    static Section const section{
        .title = "providers.NAME.auth",
        .fields =
            {
                {.key = "scheme",
                 .kind = Kind::choice,
                 .standard = "bearer",
                 .sentence = "How the key is sent.",
                 .bind = bind<&ProviderSettings::auth>(),
                 .choices = {"none", "bearer", "header"},
                 .planned_choices = {"sigv4", "oauth2", "entra"}},
                {.key = "header",
                 .kind = Kind::text,
                 .sentence = "The header that holds the bare key, for `scheme: header`.",
                 .bind = bind<&ProviderSettings::auth_header>(),
                 .example = "x-api-key"},
            },
        .fresh = fresh<ProviderSettings>(),
    };
    return section;
}

Section const& tags_section() {
    static Section const section{
        .title = "providers.NAME.reasoning_tags[]",
        .fields =
            {
                {.key = "open",
                 .kind = Kind::text,
                 .sentence = "The mark before.",
                 .bind = bind<&ReasoningTags::open>(),
                 .presence = Presence::required,
                 .example = "<think>"},
                {.key = "close",
                 .kind = Kind::text,
                 .sentence = "The mark behind.",
                 .bind = bind<&ReasoningTags::close>(),
                 .presence = Presence::required,
                 .example = "</think>"},
                {.key = "models",
                 .kind = Kind::texts,
                 .standard = "[]",
                 .sentence = "Patterns of its models that do so; all unless given.",
                 .bind = bind<&ReasoningTags::models>(),
                 .example = "[qwen*]"},
                {.key = "starts_open",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "An answer may begin inside, without the first mark.",
                 .bind = bind<&ReasoningTags::starts_open>()},
            },
        .fresh = fresh<ReasoningTags>(),
    };
    return section;
}

Section const& pool_section() {
    static Section const section{
        .title = "providers.NAME.pool",
        .fields =
            {
                {.key = "max_open",
                 .kind = Kind::integer,
                 .standard = "512",
                 .sentence = "Connections at a time.",
                 .bind = bind<&PoolSettings::max_open>(),
                 .least = 1,
                 .most = 65'535},
                {.key = "max_idle",
                 .kind = Kind::integer,
                 .standard = "64",
                 .sentence = "Unused connections that are kept; more, after a burst, for a second.",
                 .bind = bind<&PoolSettings::max_idle>(),
                 .most = 65'535},
                {.key = "idle_time",
                 .kind = Kind::duration,
                 .standard = "50s",
                 .sentence = "How long an unused connection is kept.",
                 .bind = bind<&PoolSettings::idle_time>(),
                 .most = one_day},
                {.key = "max_age",
                 .kind = Kind::duration,
                 .standard = "10m",
                 .sentence = "After which a connection is used no more.",
                 .bind = bind<&PoolSettings::max_age>(),
                 .most = one_day},
                {.key = "max_waiting",
                 .kind = Kind::integer,
                 .standard = "256",
                 .sentence = "Requests that may wait for a connection.",
                 .bind = bind<&PoolSettings::max_waiting>(),
                 .most = 1'000'000},
                {.key = "max_wait",
                 .kind = Kind::duration,
                 .standard = "1s",
                 .sentence = "And for how long.",
                 .bind = bind<&PoolSettings::max_wait>(),
                 .most = one_hour},
            },
        .fresh = fresh<PoolSettings>(),
    };
    return section;
}

Section const& queue_section() {
    static Section const section{
        .title = "providers.NAME.queue",
        .fields =
            {
                {.key = "size",
                 .kind = Kind::count,
                 .standard = "0",
                 .sentence = "Requests that wait when `max_in_flight` are under way; 0: none waits, another target is "
                             "tried at once.",
                 .bind = bind<&QueueSettings::size>(),
                 .most = 1'000'000},
                {.key = "max_wait",
                 .kind = Kind::duration,
                 .standard = "10s",
                 .sentence = "And for how long.",
                 .bind = bind<&QueueSettings::max_wait>(),
                 .least = 1,
                 .most = one_hour},
            },
        .short_form = "size",
        .fresh = fresh<QueueSettings>(),
    };
    return section;
}

Section const& health_section() {
    static Section const section{
        .title = "providers.NAME.health",
        .fields =
            {
                {.key = "path",
                 .kind = Kind::text,
                 .sentence = "Of the server, not below `base_url`; `/health` unless given. Any status below 500 is a "
                             "success.",
                 .bind = bind<&HealthCheckSettings::path>(),
                 .example = "/health"},
                {.key = "every",
                 .kind = Kind::duration,
                 .standard = "0",
                 .sentence = "Between two probes; 10s unless given, 0: none.",
                 .bind = bind<&HealthCheckSettings::every>(),
                 .most = one_hour,
                 .example = "10s"},
                {.key = "timeout",
                 .kind = Kind::duration,
                 .standard = "2s",
                 .sentence = "How long a probe may take.",
                 .bind = bind<&HealthCheckSettings::timeout>(),
                 .least = 1,
                 .most = one_hour},
                {.key = "unhealthy_after",
                 .kind = Kind::integer,
                 .standard = "3",
                 .sentence = "Failures in a row after which it gets no requests.",
                 .bind = bind<&HealthCheckSettings::unhealthy_after>(),
                 .least = 1,
                 .most = 1000},
                {.key = "healthy_after",
                 .kind = Kind::integer,
                 .standard = "2",
                 .sentence = "Successes in a row after which it gets them again.",
                 .bind = bind<&HealthCheckSettings::healthy_after>(),
                 .least = 1,
                 .most = 1000},
            },
        .short_form = "path",
        .fresh = fresh<HealthCheckSettings>(),
    };
    return section;
}

}  // namespace sluice::config

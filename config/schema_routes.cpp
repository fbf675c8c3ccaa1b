#include "config/binding.hpp"
#include "config/catalogue.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

constexpr std::int64_t one_hour = 3'600'000;
constexpr std::int64_t one_day = 24 * one_hour;

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
                 .sentence = "Unused connections that are kept.",
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

Binding bind_type() {
    return {
        .assign =
            [](void* object, Value const& value) {
                auto& provider = static_cast<ProviderDraft*>(object)->settings;
                provider.type = std::get<std::string>(value);
                if (Profile const* profile = find_profile(provider.type)) apply(*profile, provider);
            },
        .current = [](void const* object) { return Value(static_cast<ProviderDraft const*>(object)->settings.type); }};
}

std::vector<Field> provider_identity() {
    return {
        {.key = "type",
         .kind = Kind::provider_type,
         .sentence = "What is known about it: a name of the catalogue, or `custom`. The provider's own name if that is "
                     "in the catalogue.",
         .bind = bind_type(),
         .example = "openai"},
        {.key = "base_url",
         .kind = Kind::url,
         .sentence = "Where its API is; the catalogue's unless given.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::base_url>(),
         .example = "https://llm.example/v1"},
        {.key = "api_key",
         .kind = Kind::secret,
         .sentence = "Its key: `${VAR}`, `{env: VAR}`, `{file: PATH}`, or `none`. Unless given, the variable that its "
                     "SDK reads, if `base_url` is the catalogue's.",
         .bind = bind<&ProviderDraft::api_key>(),
         .choices = {"none"},
         .example = "${OPENAI_API_KEY}"},
        {.key = "api_keys",
         .kind = Kind::object_list,
         .sentence = "Several keys, instead of `api_key`: spread, and benched after a 429.",
         .bind = {.entry = [](void* object, std::string const&) -> void* {
             return &static_cast<ProviderDraft*>(object)->settings.credentials.emplace_back();
         }},
         .section = credential_section},
        {.key = "auth",
         .kind = Kind::object,
         .sentence = "Only where the catalogue's way isn't the right one.",
         .bind = nested<&ProviderDraft::settings>(),
         .section = auth_section},
        {.key = "headers",
         .kind = Kind::headers,
         .sentence = "Added to every request.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::headers>(),
         .example = "{ x-cost-center: platform }"},
    };
}

std::vector<Field> provider_connection() {
    return {
        {.key = "proxy",
         .kind = Kind::proxy_url,
         .sentence = "HTTP proxy; from the environment unless given.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::proxy>(),
         .example = "http://proxy.example:3128"},
        {.key = "ca_file",
         .kind = Kind::path,
         .sentence = "PEM file of authorities to trust instead of the system's.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::ca_file>(),
         .example = "/etc/ssl/internal.pem"},
        {.key = "max_in_flight",
         .kind = Kind::integer,
         .standard = "0",
         .sentence = "Requests at a time; 0: no limit.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::max_in_flight>(),
         .most = 1'000'000},
        {.key = "pool",
         .kind = Kind::object,
         .sentence = "Its connections, per key.",
         .bind = nested<&ProviderDraft::settings, &ProviderSettings::pool>(),
         .section = pool_section},
        {.key = "include_usage",
         .kind = Kind::boolean,
         .standard = "true",
         .sentence = "Ask for usage in streams; some servers refuse `stream_options`.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::include_usage>()},
        {.key = "variables",
         .kind = Kind::text_map,
         .sentence = "What its address needs to know: a region, a resource's name ([provider profiles]"
                     "(guides/provider-profiles.md)).",
         .bind = bind<&ProviderDraft::variables>(),
         .example = "{ resource: acme }"},
        {.key = "chat_path",
         .kind = Kind::text,
         .standard = "/chat/completions",
         .sentence = "Below the base URL; `{model}` stands for the target's model.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::chat_path>()},
        {.key = "forward_headers",
         .kind = Kind::texts,
         .standard = "[]",
         .sentence = "A client's headers that go on to it.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::forward_headers>(),
         .example = "[x-session-id]"},
        {.key = "answer_headers",
         .kind = Kind::texts,
         .standard = "[]",
         .sentence = "Its headers that come back to the client.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::answer_headers>(),
         .example = "[x-generation-id]"},
        {.key = "parameters",
         .kind = Kind::rules,
         .sentence =
             "Rules for request parameters, in front of the catalogue's, and instead of those on the same fields "
             "([provider profiles](guides/provider-profiles.md)).",
         .bind = bind<&ProviderDraft::rules>(),
         .example = "[{ field: seed, do: drop }]"},
        {.key = "reasoning_tags",
         .kind = Kind::object_list,
         .sentence = "Marks between which its models write thoughts into their text.",
         .bind = {.entry = [](void* object, std::string const&) -> void* {
             return &static_cast<ProviderDraft*>(object)->tags.emplace_back();
         }},
         .section = tags_section},
        {.key = "timeout",
         .kind = Kind::object,
         .sentence = "How long a connection may take.",
         .bind = nested<&ProviderDraft::settings, &ProviderSettings::timeout>(),
         .section = provider_timeout_section,
         .inherits = "defaults.timeout"},
        planned("queue", "Requests that wait for a busy provider."),
        planned("health", "Probes of a provider."),
        planned("weight", "A provider's share of the requests."),
        planned("limits", "A provider's own rate limits."),
    };
}

}  // namespace

std::vector<std::string_view> const& planned_provider_types() {
    static std::vector<std::string_view> const types{"anthropic", "mock"};
    return types;
}

Section const& provider_section() {
    static Section const section = [] {
        static ProviderDraft const draft{};
        Section made{.title = "providers.NAME", .fields = provider_identity(), .fresh = &draft};
        for (Field& field : provider_connection()) made.fields.push_back(field);
        return made;
    }();
    return section;
}

Section const& target_section() {
    static Section const section{
        .title = "models.NAME.targets[]",
        .fields =
            {
                {.key = "to",
                 .kind = Kind::text,
                 .sentence = "PROVIDER/UPSTREAM-MODEL, or the name of another model.",
                 .presence = Presence::required,
                 .example = "openai/gpt-5"},
                planned("weight", "Its share of the requests."),
                planned("limits", "Its own rate limits."),
                planned("priority", "Its rank among the targets."),
            },
        .short_form = "to",
    };
    return section;
}

namespace {

Binding bind_policy() {
    return {
        .assign = [](void*, Value const&) {},
        .current = [](void const*) { return Value(std::int64_t{0}); }};
}

}  // namespace

Section const& model_section() {
    static Section const section{
        .title = "models.NAME",
        .fields =
            {
                {.key = "description",
                 .kind = Kind::text,
                 .sentence = "For people.",
                 .bind = bind<&ModelDraft::settings, &ModelSettings::description>(),
                 .example = "Cheap and fast"},
                {.key = "route",
                 .kind = Kind::choice,
                 .standard = "fallback",
                 .sentence = "How the targets are ordered: `fallback` as written.",
                 .bind = bind_policy(),
                 .choices = {"fallback"},
                 .planned_choices = {"cost", "latency", "weighted", "least_busy", "least_in_flight", "complexity",
                                     "cache", "slo"}},
                {.key = "targets",
                 .kind = Kind::targets,
                 .sentence = "Where requests go, in order: PROVIDER/UPSTREAM-MODEL, or the name of another model, "
                             "whose targets then stand here.",
                 .bind = bind<&ModelDraft::targets>(),
                 .presence = Presence::required,
                 .section = target_section,
                 .example = "[openai/gpt-5, groq/openai/gpt-oss-120b]"},
                {.key = "fallbacks",
                 .kind = Kind::targets,
                 .standard = "[]",
                 .sentence = "Where they go after those.",
                 .bind = bind<&ModelDraft::fallbacks>(),
                 .section = target_section},
                {.key = "unsupported",
                 .kind = Kind::choice,
                 .standard = "drop",
                 .sentence =
                     "What happens to a field that a target does not take as it is: `drop` or change it, `pass` it "
                     "on all the same, or `reject` the request unless nothing is lost. A request's "
                     "`x-sluice-unsupported` or `x-sluice-strict: true` wins.",
                 .bind = bind<&ModelDraft::settings, &ModelSettings::unsupported>(),
                 .choices = {"drop", "pass", "reject"}},
                {.key = "timeout",
                 .kind = Kind::object,
                 .sentence = "How long each step may take.",
                 .bind = nested<&ModelDraft::settings, &ModelSettings::timeout>(),
                 .section = model_timeout_section,
                 .inherits = "defaults.timeout"},
                {.key = "retry",
                 .kind = Kind::object,
                 .sentence = "What is tried again, and how often.",
                 .bind = nested<&ModelDraft::settings, &ModelSettings::retry>(),
                 .section = retry_section,
                 .inherits = "defaults.retry"},
                {.key = "breaker",
                 .kind = Kind::object,
                 .sentence = "When a failing target is left alone.",
                 .bind = nested<&ModelDraft::settings, &ModelSettings::breaker>(),
                 .section = breaker_section,
                 .inherits = "defaults.breaker"},
                planned("fallbacks_on", "Fallbacks for a kind of failure."),
                planned("hedge", "A second attempt beside a slow one."),
                planned("cache", "Answers given again to equal requests."),
                planned("kind", "Embeddings and other endpoints."),
                planned("queue", "Requests that wait for a busy target."),
            },
        .short_form = "targets",
        .fresh = fresh<ModelDraft>(),
    };
    return section;
}

Section const& key_section() {
    static Section const section{
        .title = "keys[]",
        .fields =
            {
                {.key = "name",
                 .kind = Kind::text,
                 .sentence = "For logs and metrics.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::name>(),
                 .presence = Presence::required,
                 .example = "search"},
                {.key = "value",
                 .kind = Kind::secret,
                 .sentence = "The key: `${VAR}`, `{env: VAR}`, `{file: PATH}`, or itself. Only its hash is kept.",
                 .bind = bind<&KeyDraft::value>(),
                 .example = "${SLUICE_SEARCH_KEY}"},
                {.key = "hash",
                 .kind = Kind::hash,
                 .sentence = "Instead of `value`: `sha256:` and 64 hexadecimal digits.",
                 .bind = bind<&KeyDraft::hash>()},
                {.key = "models",
                 .kind = Kind::texts,
                 .sentence = "Models that it may use, by the names under `models` or by names that a wildcard there "
                             "covers; all unless given.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::models>(),
                 .example = "[fast]"},
                {.key = "expires",
                 .kind = Kind::date,
                 .sentence = "Date (from midnight UTC) or time after which it is refused.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::expires>(),
                 .example = "2027-01-01"},
                planned("team", "The team that pays."),
                planned("rate", "Its rate limits."),
                planned("budget", "What it may spend."),
                planned("tags", "Labels for reports."),
            },
        .fresh = fresh<KeyDraft>(),
    };
    return section;
}

namespace {

/// `Prices`: a PriceSheet or a PriceTier.
template <class Prices>
std::vector<Field> price_fields() {
    constexpr std::int64_t most = 1'000'000'000'000'000;
    return {
        {.key = "input",
         .kind = Kind::price,
         .sentence = "Input tokens.",
         .bind = bind<&Prices::input>(),
         .most = most,
         .presence = Presence::required,
         .example = "0.05"},
        {.key = "output",
         .kind = Kind::price,
         .sentence = "Output tokens.",
         .bind = bind<&Prices::output>(),
         .most = most,
         .presence = Presence::required,
         .example = "0.08"},
        {.key = "cached_input",
         .kind = Kind::price,
         .sentence = "Input read from the provider's cache; as input unless given.",
         .bind = bind<&Prices::cached_input>(),
         .most = most},
        {.key = "cache_write",
         .kind = Kind::price,
         .sentence = "Input written to the provider's cache; as input unless given.",
         .bind = bind<&Prices::cache_write>(),
         .most = most},
        {.key = "reasoning",
         .kind = Kind::price,
         .sentence = "Reasoning tokens; as output unless given.",
         .bind = bind<&Prices::reasoning>(),
         .most = most},
    };
}

Section const& price_tier_section() {
    static Section const section = [] {
        Section made{.title = "prices.\"PROVIDER/MODEL\".tiers[]", .fields = {}, .fresh = fresh<PriceTier>()};
        made.fields.push_back({.key = "above",
                               .kind = Kind::count,
                               .sentence = "Input tokens; a request with more of them costs this, all of it.",
                               .bind = bind<&PriceTier::above>(),
                               .least = 1,
                               .most = 1'000'000'000,
                               .presence = Presence::required,
                               .example = "200k"});
        for (Field& field : price_fields<PriceTier>()) made.fields.push_back(field);
        return made;
    }();
    return section;
}

}  // namespace

Section const& price_section() {
    static Section const section = [] {
        Section made{
            .title = "prices.\"PROVIDER/MODEL\"", .fields = price_fields<PriceSheet>(), .fresh = fresh<PriceSheet>()};
        made.fields.push_back({.key = "tiers",
                               .kind = Kind::object_list,
                               .sentence = "Other prices for long prompts.",
                               .bind = {.entry = [](void* object, std::string const&) -> void* {
                                   return &static_cast<PriceSheet*>(object)->tiers.emplace_back();
                               }},
                               .section = price_tier_section});
        return made;
    }();
    return section;
}

}  // namespace sluice::config

#include "config/binding.hpp"
#include "config/catalogue.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

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

/// A section that is there at all means probes.
Binding bind_health() {
    Binding made = nested<&ProviderDraft::settings, &ProviderSettings::health>();
    made.present = [](void* object) {
        *static_cast<HealthCheckSettings*>(object) = {.path = "/health", .every = seconds(10)};
    };
    return made;
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
        {.key = "router",
         .kind = Kind::boolean,
         .standard = "false",
         .sentence =
             "It chooses providers itself, as OpenRouter does: a client's `provider`, `models` and suffixes go on to "
             "it, and leave it in the plan. The catalogue's unless given.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::is_router>()},
        {.key = "variables",
         .kind = Kind::text_map,
         .sentence = "What its address needs to know: a region, a resource's name ([provider profiles]"
                     "(../guides/provider-profiles.md)).",
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
             "([provider profiles](../guides/provider-profiles.md)).",
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
        {.key = "queue",
         .kind = Kind::object,
         .sentence = "Requests that wait for a place among `max_in_flight`.",
         .bind = nested<&ProviderDraft::settings, &ProviderSettings::queue>(),
         .section = queue_section},
        {.key = "health",
         .kind = Kind::object,
         .sentence = "Probes of a server of your own.",
         .bind = bind_health(),
         .section = health_section,
         .applies =
             [](void const* object) {
                 return static_cast<ProviderDraft const*>(object)->settings.health.every.count() > 0;
             }},
        {.key = "region",
         .kind = Kind::text,
         .sentence = "Where it computes, for `require.regions`; the catalogue's unless given.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::traits, &TargetTraits::region>(),
         .example = "eu"},
        {.key = "zero_retention",
         .kind = Kind::boolean,
         .sentence = "Whether it keeps nothing of a request, by your contract with it; unknown unless given.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::traits, &TargetTraits::zero_retention>()},
        {.key = "trains",
         .kind = Kind::boolean,
         .sentence = "Whether it trains on requests, by your contract with it; unknown unless given.",
         .bind = bind<&ProviderDraft::settings, &ProviderSettings::traits, &TargetTraits::trains>()},
        planned("weight", "A provider's share of the requests."),
        {.key = "limits",
         .kind = Kind::object,
         .sentence = "Of what goes there, whoever asks.",
         .bind = nested<&ProviderDraft::limits>(),
         .section = own_limits_section},
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

}  // namespace sluice::config

#include "config/schema.hpp"

#include <algorithm>

#include "config/binding.hpp"
#include "config/catalogue.hpp"

namespace sluice::config {

Field planned(std::string_view key, std::string_view sentence) {
    return Field{.key = key, .sentence = sentence, .presence = Presence::planned};
}

Section const& root_section() {
    static Section const section{
        .title = "The file",
        .fields =
            {
                {.key = "version",
                 .kind = Kind::integer,
                 .sentence = "Version of this format.",
                 .bind = bind<&Draft::version>(),
                 .least = 1,
                 .most = 1,
                 .presence = Presence::required,
                 .example = "1"},
                {.key = "include",
                 .kind = Kind::texts,
                 .sentence = "Further files, merged into this one; the last part of a path may hold stars.",
                 .bind = bind<&Draft::include>(),
                 .example = "[conf.d/*.yaml]"},
                {.key = "server",
                 .kind = Kind::object,
                 .sentence = "Where and how the gateway listens.",
                 .bind = same_object(),
                 .section = server_section},
                {.key = "defaults",
                 .kind = Kind::object,
                 .sentence = "What every model inherits, and may override.",
                 .bind = nested<&Draft::defaults>(),
                 .section = defaults_section},
                {.key = "providers",
                 .kind = Kind::object_map,
                 .sentence = "Where requests can go.",
                 .bind = {.entry = [](void* object, std::string const& name) -> void* {
                     auto& draft = *static_cast<Draft*>(object);
                     ProviderDraft& provider = draft.providers[name];
                     provider.settings.name = name;
                     provider.settings.timeout = draft.defaults.timeout;
                     if (Profile const* profile = find_profile(name)) apply(*profile, provider.settings);
                     return &provider;
                 }},
                 .section = provider_section},
                {.key = "models",
                 .kind = Kind::object_map,
                 .sentence = "What a client may write in `model`. The short form is `NAME: PROVIDER/UPSTREAM-MODEL`.",
                 .bind = {.entry = [](void* object, std::string const& name) -> void* {
                     auto& draft = *static_cast<Draft*>(object);
                     ModelDraft& model = draft.models.emplace_back();
                     model.settings.name = name;
                     model.settings.timeout = draft.defaults.timeout;
                     model.settings.retry = draft.defaults.retry;
                     model.settings.breaker = draft.defaults.breaker;
                     model.settings.hedge = draft.defaults.hedge;
                     model.settings.affinity = draft.defaults.affinity;
                     return &model;
                 }},
                 .section = model_section},
                {.key = "keys",
                 .kind = Kind::object_list,
                 .sentence = "Virtual keys that clients authenticate with. Without any, only a loopback address may be "
                             "listened on.",
                 .bind = {.entry = [](void* object, std::string const&) -> void* {
                     return &static_cast<Draft*>(object)->keys.emplace_back();
                 }},
                 .section = key_section},
                {.key = "prices",
                 .kind = Kind::object_map,
                 .sentence = "PROVIDER/UPSTREAM-MODEL -> US dollars per million tokens, above the built-in catalogue.",
                 .bind = {.entry = [](void* object, std::string const& name) -> void* {
                     return &static_cast<Draft*>(object)->prices[name];
                 }},
                 .section = price_section},
                {.key = "telemetry",
                 .kind = Kind::object,
                 .sentence = "Log, access log and metrics.",
                 .bind = nested<&Draft::telemetry>(),
                 .section = telemetry_section},
                planned("teams", "Budgets and models that several keys share."),
                planned("storage", "The database and shared state of several replicas."),
                planned("admin", "The admin token and the user interface."),
                planned("compat", "Answers in the shape of other gateways."),
            },
        .fresh = fresh<Draft>(),
    };
    return section;
}

Section const& defaults_section() {
    static Section const section{
        .title = "defaults",
        .fields =
            {
                {.key = "timeout",
                 .kind = Kind::object,
                 .sentence = "How long each step may take.",
                 .bind = nested<&DefaultsDraft::timeout>(),
                 .section = default_timeout_section},
                {.key = "retry",
                 .kind = Kind::object,
                 .sentence = "What is tried again, and how often.",
                 .bind = nested<&DefaultsDraft::retry>(),
                 .section = retry_section},
                {.key = "breaker",
                 .kind = Kind::object,
                 .sentence = "When a failing target is left alone.",
                 .bind = nested<&DefaultsDraft::breaker>(),
                 .section = breaker_section},
                {.key = "hedge",
                 .kind = Kind::object,
                 .sentence = "A second attempt beside a late one.",
                 .bind = switched_on<&DefaultsDraft::hedge>(),
                 .section = hedge_section,
                 .applies =
                     [](void const* object) { return static_cast<DefaultsDraft const*>(object)->hedge.enabled; }},
                {.key = "affinity",
                 .kind = Kind::object,
                 .sentence = "Requests of one session stay where their prompt cache is warm.",
                 .bind = switched_on<&DefaultsDraft::affinity>(),
                 .section = affinity_section},
                planned("cache", "Answers given again to equal requests."),
            },
        .fresh = fresh<DefaultsDraft>(),
    };
    return section;
}

namespace {

void collect_secret_keys(Section const& section, std::vector<std::string>& keys) {
    for (Field const& field : section.fields) {
        if (field.kind == Kind::secret || field.kind == Kind::hash) keys.emplace_back(field.key);
        if (field.section != nullptr) collect_secret_keys(field.section(), keys);
    }
}

}  // namespace

std::vector<std::string> secret_keys() {
    std::vector<std::string> keys{"token", "password", "authorization", "x-api-key", "api-key"};
    collect_secret_keys(root_section(), keys);
    return keys;
}

}  // namespace sluice::config

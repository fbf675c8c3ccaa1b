#include "config/schema.hpp"

#include <algorithm>

#include "config/binding.hpp"
#include "config/catalogue.hpp"

namespace sluice::config {

Field planned(std::string_view key, std::string_view sentence) {
    return Field{.key = key, .sentence = sentence, .presence = Presence::planned};
}

namespace {

/// A section that is there at all, were it empty, means a database.
Binding bind_storage() {
    Binding made = nested<&Draft::storage>();
    made.present = [](void* object) { static_cast<StorageDraft*>(object)->written = true; };
    return made;
}

}  // namespace

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
                {.key = "teams",
                 .kind = Kind::object_map,
                 .sentence = "Models and limits that several keys share.",
                 .bind = {.entry = [](void* object, std::string const& name) -> void* {
                     TeamDraft& team = static_cast<Draft*>(object)->teams.emplace_back();
                     team.settings.name = name;
                     return &team;
                 }},
                 .section = team_section},
                {.key = "keys",
                 .kind = Kind::object_list,
                 .sentence = "Virtual keys that clients authenticate with; others are made with `sluice keys create`.",
                 .bind = entries_of<&Draft::keys>(),
                 .section = key_section},
                {.key = "limits",
                 .kind = Kind::object_list,
                 .sentence = "Limits of models, end users, tags and providers.",
                 .bind = entries_of<&Draft::limits>(),
                 .section = payer_section},
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
                {.key = "storage",
                 .kind = Kind::object,
                 .sentence = "The database, and what replicas share.",
                 .bind = bind_storage(),
                 .section = storage_section,
                 .applies = [](void const* object) { return static_cast<Draft const*>(object)->storage.written; }},
                {.key = "admin",
                 .kind = Kind::object,
                 .sentence = "Who may use the admin API.",
                 .bind = nested<&Draft::admin>(),
                 .section = admin_section},
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
        bool const is_secret = field.kind == Kind::secret || field.kind == Kind::hash || field.kind == Kind::store_url;
        if (is_secret) keys.emplace_back(field.key);
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

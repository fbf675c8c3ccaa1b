#include "config/binding.hpp"
#include "config/schema.hpp"

namespace sluice::config {
namespace {

std::vector<Field> traits_fields() {
    return {
        {.key = "quantization",
         .kind = Kind::text,
         .sentence = "How its weights are stored, for `require.quantizations`.",
         .bind = bind<&TargetDraft::traits, &TargetTraits::quantization>(),
         .example = "fp8"},
        {.key = "region",
         .kind = Kind::text,
         .sentence = "Where it computes; the provider's unless given.",
         .bind = bind<&TargetDraft::traits, &TargetTraits::region>(),
         .example = "eu"},
        {.key = "context",
         .kind = Kind::count,
         .standard = "0",
         .sentence = "Tokens of prompt and answer together; 0: the catalogue's.",
         .bind = bind<&TargetDraft::traits, &TargetTraits::context>(),
         .most = 1'000'000'000,
         .example = "32k"},
        {.key = "max_output",
         .kind = Kind::count,
         .standard = "0",
         .sentence = "Tokens of an answer; 0: the catalogue's.",
         .bind = bind<&TargetDraft::traits, &TargetTraits::max_output>(),
         .most = 1'000'000'000,
         .example = "8k"},
        {.key = "zero_retention",
         .kind = Kind::boolean,
         .sentence = "Whether it keeps nothing of a request; the provider's unless given.",
         .bind = bind<&TargetDraft::traits, &TargetTraits::zero_retention>()},
        {.key = "trains",
         .kind = Kind::boolean,
         .sentence = "Whether it trains on requests; the provider's unless given.",
         .bind = bind<&TargetDraft::traits, &TargetTraits::trains>()},
        {.key = "capabilities",
         .kind = Kind::object,
         .sentence = "What it can and can't do, where the catalogue doesn't know or is wrong.",
         .bind = nested<&TargetDraft::traits>(),
         .section = capabilities_section},
        {.key = "limits",
         .kind = Kind::object,
         .sentence = "Of what goes there, whoever asks; of this PROVIDER/UPSTREAM-MODEL wherever it stands.",
         .bind = nested<&TargetDraft::limits>(),
         .section = own_limits_section},
    };
}

template <auto list>
Binding bind_targets() {
    return {.entry = [](void* object, std::string const&) -> void* {
        return &(static_cast<ModelDraft*>(object)->*list).emplace_back();
    }};
}

std::vector<Field> where_requests_go() {
    return {
        {.key = "description",
         .kind = Kind::text,
         .sentence = "For people.",
         .bind = bind<&ModelDraft::settings, &ModelSettings::description>(),
         .example = "Cheap and fast"},
        {.key = "targets",
         .kind = Kind::targets,
         .sentence = "Where requests go: PROVIDER/UPSTREAM-MODEL, or the name of another model, whose route then "
                     "stands here as one target.",
         .bind = bind_targets<&ModelDraft::targets>(),
         .presence = Presence::required,
         .section = target_section,
         .example = "[openai/gpt-5, groq/openai/gpt-oss-120b]"},
        {.key = "route",
         .kind = Kind::object,
         .sentence = "How the targets are ordered ([guide](../guides/routing.md)).",
         .bind = nested<&ModelDraft::route>(),
         .section = route_section},
        {.key = "fallbacks",
         .kind = Kind::targets,
         .standard = "[]",
         .sentence = "Where they go after those, in this order.",
         .bind = bind_targets<&ModelDraft::fallbacks>(),
         .section = target_section},
        {.key = "fallbacks_on",
         .kind = Kind::object,
         .sentence = "Where they go after one kind of failure, before all others.",
         .bind = same_object(),
         .section = special_section},
        {.key = "match",
         .kind = Kind::object_list,
         .sentence = "Requests that another model serves.",
         .bind = {.entry = [](void* object, std::string const&) -> void* {
             return &static_cast<ModelDraft*>(object)->match.emplace_back();
         }},
         .section = match_section},
        {.key = "require",
         .kind = Kind::object,
         .sentence = "What a target must be like.",
         .bind = nested<&ModelDraft::settings, &ModelSettings::require>(),
         .section = require_section,
         .applies =
             [](void const* object) { return !static_cast<ModelDraft const*>(object)->settings.require.empty(); }},
    };
}

std::vector<Field> how_requests_go() {
    return {
        {.key = "hedge",
         .kind = Kind::object,
         .sentence = "A second attempt beside a late one.",
         .bind = switched_on<&ModelDraft::settings, &ModelSettings::hedge>(),
         .section = hedge_section,
         .inherits = "defaults.hedge",
         .applies = [](void const* object) { return static_cast<ModelDraft const*>(object)->settings.hedge.enabled; }},
        {.key = "affinity",
         .kind = Kind::object,
         .sentence = "Requests of one session stay where their prompt cache is warm.",
         .bind = switched_on<&ModelDraft::settings, &ModelSettings::affinity>(),
         .section = affinity_section,
         .inherits = "defaults.affinity"},
        {.key = "mirror",
         .kind = Kind::object,
         .sentence = "Copies of requests to a target whose answers nobody sees.",
         .bind = nested<&ModelDraft::mirror>(),
         .section = mirror_section,
         .applies = [](void const* object) { return static_cast<ModelDraft const*>(object)->mirror.to.has_value(); }},
        {.key = "continue_after_cut",
         .kind = Kind::boolean,
         .standard = "false",
         .sentence = "Whether another target goes on with a text that broke off, if it is known to continue one.",
         .bind = bind<&ModelDraft::settings, &ModelSettings::continue_after_cut>()},
        {.key = "unsupported",
         .kind = Kind::choice,
         .standard = "drop",
         .sentence = "What happens to a field that a target does not take as it is: `drop` or change it, `pass` it on "
                     "all the same, or `reject` the request unless nothing is lost. A request's "
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
        planned("cache", "Answers given again to equal requests."),
        planned("kind", "Embeddings and other endpoints."),
        planned("queue", "Requests that wait for a busy target."),
    };
}

}  // namespace

Section const& target_section() {
    static Section const section = [] {
        Section made{.title = "models.NAME.targets[]",
                     .fields = {{.key = "to",
                                 .kind = Kind::target,
                                 .sentence = "PROVIDER/UPSTREAM-MODEL, or the name of another model.",
                                 .bind = bind<&TargetDraft::to>(),
                                 .presence = Presence::required,
                                 .example = "openai/gpt-5"},
                                {.key = "weight",
                                 .kind = Kind::integer,
                                 .standard = "1",
                                 .sentence = "Its share, with `route: weighted` and `least_busy`; 0: only when no "
                                             "other is left.",
                                 .bind = bind<&TargetDraft::weight>(),
                                 .most = 1'000'000},
                                {.key = "priority",
                                 .kind = Kind::integer,
                                 .standard = "0",
                                 .sentence = "Targets with a lower one come first, whatever the policy says.",
                                 .bind = bind<&TargetDraft::priority>(),
                                 .most = 1000}},
                     .short_form = "to",
                     .fresh = fresh<TargetDraft>()};
        for (Field& field : traits_fields()) made.fields.push_back(std::move(field));
        return made;
    }();
    return section;
}

Section const& model_section() {
    static Section const section = [] {
        Section made{.title = "models.NAME",
                     .fields = where_requests_go(),
                     .short_form = "targets",
                     .fresh = fresh<ModelDraft>()};
        for (Field& field : how_requests_go()) made.fields.push_back(std::move(field));
        return made;
    }();
    return section;
}

}  // namespace sluice::config

#include "config/binding.hpp"
#include "config/schema.hpp"

/// How a model's requests find their targets: `route`, `fallbacks_on`, `hedge`, `affinity`, `mirror`.
namespace sluice::config {
namespace {

constexpr std::int64_t one_hour = 3'600'000;
constexpr std::int64_t one_day = 24 * one_hour;

Field weight(std::string_view key, std::string_view standard, std::string_view sentence, Binding const& binding) {
    return {.key = key,
            .kind = Kind::number,
            .standard = standard,
            .sentence = sentence,
            .bind = binding,
            .most = 1'000'000'000'000};
}

Section const& weights_section() {
    static Section const section{
        .title = "models.NAME.route.weights",
        .fields =
            {
                weight("price", "0.6", "What a request is expected to cost.", bind<&ScoreWeights::price>()),
                weight("uptime", "0.5", "The share of recent requests that failed.", bind<&ScoreWeights::uptime>()),
                weight("throughput", "0.05", "Tokens per second.", bind<&ScoreWeights::throughput>()),
                weight("latency", "0.025", "Time to the first token, of streams.", bind<&ScoreWeights::latency>()),
                weight("cache", "0.2", "The price of cached input, for prompts of 5,000 tokens and more.",
                       bind<&ScoreWeights::cache>()),
            },
        .fresh = fresh<ScoreWeights>(),
    };
    return section;
}

template <RoutePolicy... policies>
bool has_policy(void const* object) {
    auto const policy = static_cast<RouteDraft const*>(object)->settings.policy;
    return ((policy == policies) || ...);
}

std::vector<Field> slo_fields() {
    return {
        {.key = "first_token",
         .kind = Kind::duration,
         .standard = "0",
         .sentence = "The longest time to the first token that is good enough, at the 95th percentile; 0: any.",
         .bind = bind<&RouteDraft::settings, &RouteSettings::slo, &SloBounds::first_token>(),
         .most = one_hour,
         .example = "800ms",
         .only_with = "policy: slo",
         .applies = has_policy<RoutePolicy::slo>},
        {.key = "tokens_per_second",
         .kind = Kind::integer,
         .standard = "0",
         .sentence = "The least that 95 % of the answers must reach; 0: any.",
         .bind = bind<&RouteDraft::settings, &RouteSettings::slo, &SloBounds::tokens_per_second>(),
         .most = 100'000,
         .example = "40",
         .only_with = "policy: slo",
         .applies = has_policy<RoutePolicy::slo>},
        {.key = "max_failures",
         .kind = Kind::percent,
         .standard = "5%",
         .sentence = "The most failures among recent requests.",
         .bind = bind<&RouteDraft::settings, &RouteSettings::slo, &SloBounds::max_failure_percent>(),
         .most = 100,
         .only_with = "policy: slo",
         .applies = has_policy<RoutePolicy::slo>},
    };
}

Field policy_field() {
    return {.key = "policy",
            .kind = Kind::choice,
            .standard = "fallback",
            .sentence =
                "How the targets are ordered ([formulas](../routing.md)): `fallback` as written, `cost` the "
                "lowest expected cost, `latency` the shortest wait, `throughput` the most tokens per second, "
                "`weighted` drawn by `weight`, `least_busy` the fewest requests in flight, `usage` the most "
                "left of the provider's limits, `score` a weighted sum, `slo` the cheapest that is fast "
                "enough, `complexity` by how hard the request is.",
            .bind = bind<&RouteDraft::settings, &RouteSettings::policy>(),
            .choices = {"fallback", "cost", "latency", "throughput", "weighted", "least_busy", "usage", "score", "slo",
                        "complexity"},
            .presence = Presence::required,
            .example = "score",
            .other_words = {{"least_in_flight", "least_busy"},
                            {"least-busy", "least_busy"},
                            {"round_robin", "weighted"},
                            {"random", "weighted"},
                            {"priority", "fallback"},
                            {"price", "cost"},
                            {"cheapest", "cost"},
                            {"fastest", "latency"}}};
}

Binding bind_wait() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto& hedge = *static_cast<HedgeSettings*>(object);
                    auto const* const wait = std::get_if<Wait>(&value);
                    hedge.enabled = wait != nullptr;
                    if (wait == nullptr) return;
                    hedge.after = wait->fixed;
                    if (wait->percentile != 0) hedge.percentile = wait->percentile;
                },
            .current =
                [](void const* object) {
                    auto const& hedge = *static_cast<HedgeSettings const*>(object);
                    if (!hedge.enabled) return Value();
                    bool const is_fixed = hedge.after.count() > 0;
                    return Value(is_fixed ? Wait{.fixed = hedge.after} : Wait{.percentile = hedge.percentile});
                }};
}

Binding bind_keep() {
    return {.assign =
                [](void* object, Value const& value) {
                    auto& affinity = *static_cast<AffinitySettings*>(object);
                    auto const* const keep = std::get_if<std::int64_t>(&value);
                    affinity.enabled = keep != nullptr;
                    if (keep != nullptr) affinity.keep = milliseconds(*keep);
                },
            .current =
                [](void const* object) {
                    auto const& affinity = *static_cast<AffinitySettings const*>(object);
                    return affinity.enabled ? Value(static_cast<std::int64_t>(affinity.keep.count())) : Value();
                }};
}

}  // namespace

Section const& route_section() {
    static Section const section = [] {
        Section made{.title = "models.NAME.route",
                     .fields = {policy_field(),
                                {.key = "weights",
                                 .kind = Kind::object,
                                 .sentence = "What counts how much.",
                                 .bind = nested<&RouteDraft::settings, &RouteSettings::score>(),
                                 .section = weights_section,
                                 .only_with = "policy: score",
                                 .applies = has_policy<RoutePolicy::score>}},
                     .short_form = "policy",
                     .fresh = fresh<RouteDraft>()};
        for (Field& field : slo_fields()) made.fields.push_back(std::move(field));
        made.fields.push_back({.key = "thresholds",
                               .kind = Kind::integers,
                               .sentence = "Complexity (0 to 100) below which a request goes to the first, the second "
                                           "... target, the rest to the last; evenly spaced unless given.",
                               .bind = bind<&RouteDraft::settings, &RouteSettings::thresholds>(),
                               .least = 1,
                               .most = 100,
                               .example = "[30, 60]",
                               .only_with = "policy: complexity",
                               .applies = has_policy<RoutePolicy::complexity>});
        made.fields.push_back({.key = "classifier",
                               .kind = Kind::object,
                               .sentence = "A model that is asked how demanding each request is.",
                               .bind = nested<&RouteDraft::classifier>(),
                               .section = classifier_section,
                               .only_with = "policy: complexity",
                               .applies = has_policy<RoutePolicy::complexity>});
        made.fields.push_back(
            {.key = "explore",
             .kind = Kind::percent,
             .standard = "2%",
             .sentence = "Requests that go to a target of which too little is known.",
             .bind = bind<&RouteDraft::settings, &RouteSettings::explore_percent>(),
             .most = 50,
             .only_with = "policy: latency, throughput, score or slo",
             .applies =
                 has_policy<RoutePolicy::latency, RoutePolicy::throughput, RoutePolicy::score, RoutePolicy::slo>});
        return made;
    }();
    return section;
}

Section const& hedge_section() {
    static Section const section{
        .title = "hedge",
        .fields =
            {
                {.key = "after",
                 .kind = Kind::wait,
                 .standard = "none",
                 .sentence = "When a second attempt starts: p50, p75, p90, p95 or p99 of the target's learned time to "
                             "the first token (p95 where `hedge` doesn't say), a fixed time, or `none`.",
                 .bind = bind_wait(),
                 .least = 1,
                 .most = one_hour,
                 .choices = {"none"},
                 .example = "p95"},
                {.key = "at_least",
                 .kind = Kind::duration,
                 .standard = "100ms",
                 .sentence = "Never sooner than this.",
                 .bind = bind<&HedgeSettings::at_least>(),
                 .most = one_hour},
                {.key = "max_extra_load",
                 .kind = Kind::percent,
                 .standard = "5%",
                 .sentence = "How many such attempts there may be, as a share of the requests and of what they cost.",
                 .bind = bind<&HedgeSettings::max_extra_load_percent>(),
                 .most = 100},
            },
        .short_form = "after",
        .fresh = fresh<HedgeSettings>(),
    };
    return section;
}

Section const& affinity_section() {
    static Section const section{
        .title = "affinity",
        .fields =
            {
                {.key = "keep",
                 .kind = Kind::duration,
                 .standard = "10m",
                 .sentence = "How long after its last request a session stays where it was; `none`: it doesn't.",
                 .bind = bind_keep(),
                 .least = 1,
                 .most = one_day,
                 .choices = {"none"}},
                {.key = "by_user",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "Whether a request's `user` names a session, too.",
                 .bind = bind<&AffinitySettings::by_user>()},
            },
        .short_form = "keep",
        .fresh = fresh<AffinitySettings>(),
    };
    return section;
}

Section const& mirror_section() {
    static Section const section{
        .title = "models.NAME.mirror",
        .fields =
            {
                {.key = "to",
                 .kind = Kind::target,
                 .sentence = "PROVIDER/UPSTREAM-MODEL.",
                 .bind = bind<&MirrorDraft::to>(),
                 .presence = Presence::required,
                 .example = "vllm/candidate"},
                {.key = "percent",
                 .kind = Kind::percent,
                 .sentence = "The share of requests that is copied.",
                 .bind = bind<&MirrorDraft::settings, &MirrorSettings::percent>(),
                 .least = 1,
                 .most = 100,
                 .presence = Presence::required,
                 .example = "10%"},
                {.key = "max_in_flight",
                 .kind = Kind::integer,
                 .standard = "4",
                 .sentence = "Copies at a time; with more under way none is made.",
                 .bind = bind<&MirrorDraft::settings, &MirrorSettings::max_in_flight>(),
                 .least = 1,
                 .most = 10'000},
            },
        .fresh = fresh<MirrorDraft>(),
    };
    return section;
}

Section const& special_section() {
    static Section const section{
        .title = "models.NAME.fallbacks_on",
        .fields =
            {
                {.key = "context_length",
                 .kind = Kind::targets,
                 .sentence = "Asked when a prompt is too long for the others.",
                 .bind = {.entry = [](void* object, std::string const&) -> void* {
                     return &static_cast<ModelDraft*>(object)->on_context_length.emplace_back();
                 }},
                 .section = target_section,
                 .example = "[gemini/gemini-2.5-pro]"},
                {.key = "content_filter",
                 .kind = Kind::targets,
                 .sentence = "Asked when a provider's filter refused the request or its answer.",
                 .bind = {.entry = [](void* object, std::string const&) -> void* {
                     return &static_cast<ModelDraft*>(object)->on_content_filter.emplace_back();
                 }},
                 .section = target_section,
                 .example = "[mistral/mistral-large-latest]"},
            },
        .fresh = fresh<ModelDraft>(),
    };
    return section;
}

}  // namespace sluice::config

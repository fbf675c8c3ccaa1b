#include "config/binding.hpp"
#include "config/schema.hpp"

/// `teams`, `keys` and `prices`.

namespace sluice::config {
namespace {

/// `Holder`: a KeyDraft or a TeamDraft.
template <class Holder>
Binding budgets_of() {
    return {.entry = [](void* object, std::string const&) -> void* {
        return &static_cast<Holder*>(object)->limits.budget.emplace_back();
    }};
}

}  // namespace

Section const& team_section() {
    static Section const section{
        .title = "teams.NAME",
        .fields =
            {
                {.key = "description",
                 .kind = Kind::text,
                 .sentence = "For people.",
                 .bind = bind<&TeamDraft::settings, &TeamSettings::description>(),
                 .example = "Search and ranking"},
                {.key = "models",
                 .kind = Kind::texts,
                 .sentence = "Models that its keys may use, whatever they say themselves; all unless given.",
                 .bind = bind<&TeamDraft::settings, &TeamSettings::models>(),
                 .example = "[fast, smart]"},
                {.key = "rate",
                 .kind = Kind::object,
                 .sentence = "How much its keys together may use in how much time.",
                 .bind = nested<&TeamDraft::limits, &LimitsDraft::rate>(),
                 .section = rate_section},
                {.key = "budget",
                 .kind = Kind::objects,
                 .sentence = "What its keys together may spend.",
                 .bind = budgets_of<TeamDraft>(),
                 .section = budget_section,
                 .example = "{ usd: 500, per: month, warn_at: [50%, 80%] }"},
                {.key = "tags",
                 .kind = Kind::text_map,
                 .sentence = "Tags that its keys have, unless they say otherwise.",
                 .bind = bind<&TeamDraft::settings, &TeamSettings::tags>(),
                 .example = "{ env: prod }"},
            },
        .fresh = fresh<TeamDraft>(),
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
                {.key = "disabled",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "Whether it is refused, for now.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::disabled>()},
                {.key = "endpoints",
                 .kind = Kind::choices,
                 .sentence = "What it may be used for; everything unless given.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::endpoints>(),
                 .choices = {endpoint_names.begin(), endpoint_names.end()},
                 .example = "[/v1/chat/completions]"},
                {.key = "networks",
                 .kind = Kind::networks,
                 .sentence = "From where it may be used; from everywhere unless given.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::networks>(),
                 .example = "[10.0.0.0/8, \"2001:db8::/32\"]"},
                {.key = "team",
                 .kind = Kind::text,
                 .sentence =
                     "The team whose limits it shares and whose models it may use, one of `teams` where that is "
                     "written; also for `match` rules and reports.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::team>(),
                 .example = "search"},
                {.key = "tags",
                 .kind = Kind::text_map,
                 .sentence = "For `match` rules and reports.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::tags>(),
                 .example = "{ env: prod }"},
                {.key = "may_steer",
                 .kind = Kind::boolean,
                 .standard = "true",
                 .sentence = "Whether its requests may choose among targets: `provider`, `models`, suffixes of a model "
                             "and `x-sluice-*`.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::may_steer>()},
                {.key = "may_bring_keys",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "Whether its requests may bring keys of providers of their own, in `X-Provider-Auth`.",
                 .bind = bind<&KeyDraft::settings, &KeySettings::caller, &Caller::may_bring_keys>()},
                {.key = "require",
                 .kind = Kind::object,
                 .sentence = "What a target must be like for it, beside what the model requires.",
                 .bind = nested<&KeyDraft::settings, &KeySettings::caller, &Caller::require>(),
                 .section = require_section,
                 .applies =
                     [](void const* object) {
                         return !static_cast<KeyDraft const*>(object)->settings.caller.require.empty();
                     }},
                {.key = "rate",
                 .kind = Kind::object,
                 .sentence = "How much it may use in how much time.",
                 .bind = nested<&KeyDraft::limits, &LimitsDraft::rate>(),
                 .section = rate_section},
                {.key = "budget",
                 .kind = Kind::objects,
                 .sentence = "What it may spend.",
                 .bind = budgets_of<KeyDraft>(),
                 .section = budget_section,
                 .example = "{ usd: 5, per: day }"},
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

#include "config/binding.hpp"
#include "config/schema.hpp"

/// `rate`, `budget` and `limits`.
namespace sluice::config {
namespace {

constexpr std::int64_t most_uses = 1'000'000'000'000;
constexpr std::int64_t most_usd = 1'000'000'000;  // nano-dollars of it still fit into 63 bits

Section const& window_section() {
    static Section const section{
        .title = "windows",
        .fields =
            {
                {.key = "requests",
                 .kind = Kind::count,
                 .sentence = "So many requests; this or `tokens`.",
                 .bind = bind<&WindowDraft::requests>(),
                 .least = 1,
                 .most = most_uses,
                 .example = "10k"},
                {.key = "tokens",
                 .kind = Kind::count,
                 .sentence = "So many tokens of prompts and answers.",
                 .bind = bind<&WindowDraft::tokens>(),
                 .least = 1,
                 .most = most_uses,
                 .example = "5M"},
                {.key = "per",
                 .kind = Kind::period,
                 .sentence = "In this time. `day`, `week` (from Monday) and `month` are the calendar's, UTC; `total`: "
                             "for ever; a duration: one after the other since 1970.",
                 .bind = bind<&WindowDraft::per>(),
                 .presence = Presence::required,
                 .example = "day"},
                {.key = "rolling",
                 .kind = Kind::boolean,
                 .standard = "false",
                 .sentence = "With a duration: in the last so much time, whenever one looks.",
                 .bind = bind<&WindowDraft::rolling>()},
            },
        .fresh = fresh<WindowDraft>(),
    };
    return section;
}

/// `rate` leads from the section's struct to its RateDraft.
template <auto... rate>
std::vector<Field> rate_fields() {
    return {
        {.key = "rpm",
         .kind = Kind::count,
         .sentence = "Requests in a minute.",
         .bind = bind<rate..., &RateDraft::rpm>(),
         .least = 1,
         .most = most_uses,
         .example = "600"},
        {.key = "tpm",
         .kind = Kind::count,
         .sentence = "Tokens of prompts and answers in a minute.",
         .bind = bind<rate..., &RateDraft::tpm>(),
         .least = 1,
         .most = most_uses,
         .example = "1M"},
        {.key = "concurrent",
         .kind = Kind::count,
         .sentence = "Requests at a time.",
         .bind = bind<rate..., &RateDraft::concurrent>(),
         .least = 1,
         .most = 1'000'000,
         .example = "40"},
    };
}

Binding budgets_of_limits() {
    return {.entry = [](void* object, std::string const&) -> void* {
        return &static_cast<LimitsDraft*>(object)->budget.emplace_back();
    }};
}

}  // namespace

Section const& rate_section() {
    static Section const section = [] {
        Section made{.title = "rate", .fields = rate_fields<>(), .fresh = fresh<RateDraft>()};
        made.fields.push_back({.key = "windows",
                               .kind = Kind::objects,
                               .sentence = "Further windows, all at once.",
                               .bind = entries_of<&RateDraft::windows>(),
                               .section = window_section});
        return made;
    }();
    return section;
}

Section const& budget_section() {
    static Section const section{
        .title = "budget",
        .fields =
            {
                {.key = "usd",
                 .kind = Kind::usd,
                 .sentence = "US dollars.",
                 .bind = bind<&BudgetDraft::usd>(),
                 .most = most_usd * 1'000'000'000,
                 .presence = Presence::required,
                 .example = "5"},
                {.key = "per",
                 .kind = Kind::period,
                 .sentence = "In this time. `day`, `week` (from Monday) and `month` are the calendar's, UTC; `total`: "
                             "for ever; a duration: the last so much time, whenever one looks.",
                 .bind = bind<&BudgetDraft::per>(),
                 .presence = Presence::required,
                 .example = "day"},
                {.key = "warn_at",
                 .kind = Kind::percents,
                 .sentence = "Shares of it at which log, metrics and `admin.warning_webhook` say so.",
                 .bind = bind<&BudgetDraft::limit, &Limit::warn_at>(),
                 .least = 1,
                 .most = 100,
                 .example = "[50%, 80%]"},
                {.key = "when_short",
                 .kind = Kind::choice,
                 .standard = "clamp",
                 .sentence = "What happens to a request that may cost more than is left: `clamp` its answer to what is "
                             "left, or `reject` it.",
                 .bind = bind_flag<&BudgetDraft::limit, &Limit::clamp>(),
                 .choices = {"reject", "clamp"}},
                {.key = "unpriced",
                 .kind = Kind::choice,
                 .standard = "reject",
                 .sentence = "What happens to a request for a target whose price nobody knows: `reject` it, or `allow` "
                             "it for nothing.",
                 .bind = bind_flag<&BudgetDraft::limit, &Limit::allow_unpriced>(),
                 .choices = {"reject", "allow"}},
            },
        .fresh = fresh<BudgetDraft>(),
    };
    return section;
}

Section const& own_limits_section() {
    static Section const section = [] {
        Section made{.title = "providers.NAME.limits, models.NAME.targets[].limits",
                     .fields = rate_fields<&LimitsDraft::rate>(),
                     .fresh = fresh<LimitsDraft>()};
        made.fields.push_back({.key = "windows",
                               .kind = Kind::objects,
                               .sentence = "Further windows, all at once.",
                               .bind = {.entry = [](void* object, std::string const&) -> void* {
                                   return &static_cast<LimitsDraft*>(object)->rate.windows.emplace_back();
                               }},
                               .section = window_section});
        made.fields.push_back({.key = "budget",
                               .kind = Kind::objects,
                               .sentence = "What may be spent there.",
                               .bind = budgets_of_limits(),
                               .section = budget_section,
                               .example = "{ usd: 50, per: day }"});
        return made;
    }();
    return section;
}

Section const& payer_section() {
    static Section const section{
        .title = "limits[]",
        .fields =
            {
                {.key = "model",
                 .kind = Kind::text,
                 .sentence = "Whose limits they are: of a model, or with a star of each that fits on its own. One of "
                             "`model`, `provider`, `user` and `tag`.",
                 .bind = bind<&PayerDraft::model>(),
                 .example = "\"gpt-*\""},
                {.key = "provider",
                 .kind = Kind::text,
                 .sentence = "Of a provider; also `providers.NAME.limits`.",
                 .bind = bind<&PayerDraft::provider>(),
                 .example = "\"*\""},
                {.key = "user",
                 .kind = Kind::text,
                 .sentence = "Of an end user, as the request's `user` says; a request without one has none of these "
                             "limits.",
                 .bind = bind<&PayerDraft::user>(),
                 .example = "\"*\""},
                {.key = "tag",
                 .kind = Kind::text_map,
                 .sentence = "Of all keys with one tag; with a star as the value, of each of its values.",
                 .bind = bind<&PayerDraft::tag>(),
                 .example = "{ env: dev }"},
                {.key = "rate",
                 .kind = Kind::object,
                 .sentence = "How much they may use in how much time.",
                 .bind = nested<&PayerDraft::limits, &LimitsDraft::rate>(),
                 .section = rate_section},
                {.key = "budget",
                 .kind = Kind::objects,
                 .sentence = "What they may spend.",
                 .bind = {.entry = [](void* object, std::string const&) -> void* {
                     return &static_cast<PayerDraft*>(object)->limits.budget.emplace_back();
                 }},
                 .section = budget_section,
                 .example = "{ usd: 100, per: day }"},
            },
        .fresh = fresh<PayerDraft>(),
    };
    return section;
}

}  // namespace sluice::config

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/types/settings.hpp"

namespace sluice::config {

struct SecretText {
    Secret value;
    bool none = false;  ///< the word `none` was written: no key on purpose
    friend bool operator==(SecretText const&, SecretText const&) = default;
};

/// Rules for parameters as a user wrote them.
struct RuleList {
    std::vector<ParameterRule> rules;
    std::string text;  ///< as one would write them on one line
    friend bool operator==(RuleList const&, RuleList const&) = default;
};

/// One of `budget`.
struct BudgetDraft {
    Limit limit;
    std::optional<std::int64_t> usd;  ///< billionths
    std::optional<LimitPeriod> per;
};

/// One of `windows`: further requests or tokens in some time.
struct WindowDraft {
    std::optional<std::int64_t> requests;
    std::optional<std::int64_t> tokens;
    std::optional<LimitPeriod> per;
    bool rolling = false;
};

struct RateDraft {
    std::optional<std::int64_t> rpm;
    std::optional<std::int64_t> tpm;
    std::optional<std::int64_t> concurrent;
    std::vector<WindowDraft> windows;
};

struct LimitsDraft {
    RateDraft rate;
    std::vector<BudgetDraft> budget;
    bool empty() const { return !rate.rpm && !rate.tpm && !rate.concurrent && rate.windows.empty() && budget.empty(); }
};

/// One of `limits`.
struct PayerDraft {
    std::optional<std::string> model;
    std::optional<std::string> provider;
    std::optional<std::string> user;
    std::map<std::string, std::string> tag;
    LimitsDraft limits;
};

struct ProviderDraft {
    ProviderSettings settings;
    LimitsDraft limits;
    std::optional<SecretText> api_key;
    std::map<std::string, std::string> variables;
    RuleList rules;
    std::vector<ReasoningTags> tags;
};

/// One of `targets`, `fallbacks` or `fallbacks_on`.
struct TargetDraft {
    std::optional<std::string> to;
    unsigned weight = 1;
    unsigned priority = 0;
    TargetTraits traits;  ///< what is written about it
    LimitsDraft limits;
};

struct MirrorDraft {
    std::optional<std::string> to;
    MirrorSettings settings;
};

struct ClassifierDraft {
    std::optional<std::string> to;
    ClassifierSettings settings;
};

struct RouteDraft {
    RouteSettings settings;
    ClassifierDraft classifier;
};

struct MatchDraft {
    MatchRule rule;
    std::optional<std::string> use;
};

struct ModelDraft {
    ModelSettings settings;
    std::vector<TargetDraft> targets;
    std::vector<TargetDraft> fallbacks;
    RouteDraft route;
    std::vector<TargetDraft> on_context_length;
    std::vector<TargetDraft> on_content_filter;
    MirrorDraft mirror;
    std::vector<MatchDraft> match;
};

struct KeyDraft {
    KeySettings settings;
    Secret value;
    std::string hash;
    LimitsDraft limits;
};

struct TeamDraft {
    TeamSettings settings;
    LimitsDraft limits;
};

struct StorageDraft {
    bool written = false;     ///< the section is there
    SecretText database;      ///< empty: not said
    SecretText shared_state;  ///< empty: not said
    bool allow_if_unavailable = false;
    milliseconds keep_calls{std::chrono::hours(24 * 400)};
};

struct DefaultsDraft {
    TimeoutSettings timeout;
    RetrySettings retry;
    BreakerSettings breaker;
    HedgeSettings hedge;
    AffinitySettings affinity;
};

/// What the file says, value by value, before references are followed. The schema's fields are bound to it; resolve.cpp
/// makes Settings of it.
struct Draft {
    std::int64_t version = 0;
    std::vector<std::string> include;
    ServerSettings server;
    std::optional<unsigned> auth;  ///< an AuthMode
    bool unprotected = false;
    bool anybody_may_bring_keys = false;
    TlsSettings tls;
    DefaultsDraft defaults;
    std::map<std::string, ProviderDraft> providers;
    std::vector<ModelDraft> models;
    std::vector<TeamDraft> teams;
    std::vector<KeyDraft> keys;
    std::vector<PayerDraft> limits;
    StorageDraft storage;
    AdminSettings admin;
    std::map<std::string, PriceSheet> prices;
    TelemetrySettings telemetry;
};

}  // namespace sluice::config

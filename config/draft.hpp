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

struct ProviderDraft {
    ProviderSettings settings;
    std::optional<SecretText> api_key;
    std::map<std::string, std::string> variables;
    RuleList rules;
    std::vector<ReasoningTags> tags;
};

struct ModelDraft {
    ModelSettings settings;
    std::vector<std::string> targets;
    std::vector<std::string> fallbacks;
};

struct KeyDraft {
    KeySettings settings;
    Secret value;
    std::string hash;
};

struct DefaultsDraft {
    TimeoutSettings timeout;
    RetrySettings retry;
    BreakerSettings breaker;
};

/// What the file says, value by value, before references are followed. The schema's fields are bound to it; resolve.cpp
/// makes Settings of it.
struct Draft {
    std::int64_t version = 0;
    std::vector<std::string> include;
    ServerSettings server;
    TlsSettings tls;
    DefaultsDraft defaults;
    std::map<std::string, ProviderDraft> providers;
    std::vector<ModelDraft> models;
    std::vector<KeyDraft> keys;
    std::map<std::string, PriceSheet> prices;
    TelemetrySettings telemetry;
};

}  // namespace sluice::config

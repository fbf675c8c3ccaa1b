#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/rule_reader.hpp"
#include "core/types/settings.hpp"

namespace sluice::config {

/// Something that a provider's address, path or headers need to know: `{name}` there stands for it.
struct Variable {
    std::string name;
    std::string env;                      ///< environment variable that may give it
    std::optional<std::string> standard;  ///< without one it must be given
    std::vector<std::string> values;      ///< empty: any
    std::string example;
    std::string why;
    std::vector<std::pair<std::string, std::string>>
        regions;  ///< pattern of its value to TargetTraits::region; the first
};

struct Source {
    std::string name;
    std::string what;
    std::string date;
    std::string evidence;  ///< verified, secondary, unverified, seed
};

/// What the models whose ids fit `match` can do; what is not said is unknown.
struct ModelFacts {
    std::vector<std::string> match;
    std::optional<bool> tools, stream_tools, parallel_tools, tool_choice_required, vision, json_object, json_schema,
        reasoning, continues_assistant;
    std::uint64_t context = 0;  ///< tokens; 0: unknown
    std::uint64_t max_output = 0;
    std::string source;
};

/// A provider's own limits; 0: not stated.
struct RateFacts {
    std::string tier;
    std::uint64_t requests_per_minute = 0, requests_per_day = 0, tokens_per_minute = 0, tokens_per_day = 0,
                  concurrent = 0;
    std::string source;
};

/// What is shipped about a provider: catalogue/providers/<name>.yaml, as docs/guides/provider-profiles.md explains.
struct Profile {
    std::string name;
    std::string title;
    ProviderSettings settings;               ///< what a provider of this type begins with; variables are not filled in
    std::vector<std::string> key_variables;  ///< environment variables that SDKs read the key from, the usual one first
    std::string base_url_variable;           ///< and the base URL
    bool needs_key = true;
    std::vector<Variable> variables;
    std::vector<Source> sources;
    std::vector<ModelFacts> models;
    std::vector<RateFacts> limits;
    std::vector<std::string> regions;
    std::vector<std::string> notes;
    std::string status;  ///< retired, unverified, or empty
    bool self_hosted = false;
    std::optional<bool> cancel_stops_billing;
    int preference = 100;  ///< zero configuration takes the lower first

    Variable const* find_variable(std::string_view variable) const;
    /// Of each fact the first that `models` says about `model`.
    ModelFacts facts_of(std::string_view model) const;
    /// Of each fact what "*" says about all models, unless something else is said about some of them. No sizes.
    ModelFacts facts_of_all() const;
    /// Where `value` of `variable` is; empty: nobody knows.
    static std::string region_of(Variable const& variable, std::string_view value);
};

/// What is shipped about an upstream model: a row of catalogue/prices.json.
struct CatalogueModel {
    std::string provider;  ///< a profile's name
    std::string model;
    std::optional<PriceSheet> prices;
    std::uint64_t context = 0;  ///< tokens; 0: unknown
    std::uint64_t max_output = 0;
    bool answers_chat = true;
    std::string source;
    std::string date;
};

/// One model under the ids that providers have for it: catalogue/models.yaml.
struct CanonicalModel {
    std::string name;
    std::string title;
    std::map<std::string, std::string, std::less<>> at;  ///< provider to upstream id
    std::string source;
};

/// All profiles in the order in which zero configuration prefers them. Immutable; any thread.
std::vector<Profile> const& profiles();
Profile const* find_profile(std::string_view name);
std::vector<CatalogueModel> const& catalogue_models();
CatalogueModel const* find_catalogue_model(std::string_view provider, std::string_view model);
std::vector<CanonicalModel> const& canonical_models();
RuleSets const& rule_sets();
std::vector<Source> const& rule_sources();  ///< that the rules of those sets name

/// Makes `provider` one of type `profile.name`: all that a profile says about it.
void apply(Profile const& profile, ProviderSettings& provider);

/// A file that is built into the binary.
struct ShippedFile {
    std::string_view name;
    std::string_view text;
};
/// Defined in the generated catalogue_files.cpp.
std::vector<ShippedFile> const& shipped_files();

/// Problems of the shipped files themselves, for a test.
std::vector<std::string> catalogue_problems();

}  // namespace sluice::config

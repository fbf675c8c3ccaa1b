#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/import/imported.hpp"
#include "config/yaml_tree.hpp"

namespace sluice::config {

constexpr std::string_view not_in_this_version = "this version of Sluice has nothing that would do this";

/// A model and what stands behind it: fallbacks, or what an alias means.
struct LitellmReference {
    std::string model;
    std::vector<std::string> names;
    LeftOver where;  ///< without its reason
};

/// What an import of LiteLLM's file knows so far.
struct LitellmState {
    Imported out;
    std::map<std::string, std::string> secrets;  ///< variable to what stood in the file; leaves the import never
    std::set<std::string> lost;                  ///< names of models that were left out
    std::vector<LitellmReference> fallbacks, default_fallbacks, aliases;
    std::vector<LitellmReference> on_context_length, on_content_filter;  ///< "*": of all models
    std::string route = "weighted";                                      ///< of models with several targets

    void done() { ++out.translated; }
    ImportedModel* find_model(std::string const& name);

    /// Gives `to` the value unless it has another one already; else, and for no value, the entry is left.
    void set(std::string& to, std::optional<std::string> value, Entry const& entry, std::string const& path,
             std::vector<LeftOver>& left);
    /// `true` and `false` of drop_params.
    void set_policy(std::string& to, Entry const& entry, std::string const& path, std::vector<LeftOver>& left);
    /// `${NAME}` for the key in `entry`; for one that stands there itself a variable like `variable`, and a comment.
    std::string secret(Entry const& entry, std::string const& variable, std::string const& path,
                       std::vector<LeftOver>& left);
};

void leave(std::vector<LeftOver>& left, Entry const& entry, std::string path, std::string_view why);

/// The whole number in `node` plus `more`, at most `most`.
std::optional<std::string> count_of(Node const& node, long most, long more = 0);

/// The parts of an import, in their order.
void read_litellm_models(Node const& list, LitellmState& state);
void read_litellm_setting(Entry const& entry, std::string const& path, LitellmState& state);
void finish_litellm(LitellmState& state);

}  // namespace sluice::config

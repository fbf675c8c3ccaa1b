#include "config/import/litellm.hpp"

#include "config/import/litellm_state.hpp"

namespace sluice::config {
namespace {

Imported read(Node const& root) {
    LitellmState state;
    if (Node const* const list = root.find("model_list")) read_litellm_models(*list, state);
    for (Entry const& section : root.entries) {
        auto const& key = section.key;
        if (key == "model_list") continue;
        if (key == "router_settings" || key == "litellm_settings" || key == "general_settings") {
            for (Entry const& entry : section.value.entries) read_litellm_setting(entry, key + "." + entry.key, state);
        } else if (key == "environment_variables") {
            for (Entry const& entry : section.value.entries)
                leave(state.out.left[""], entry, key + "." + entry.key, "set this variable where the gateway runs");
        } else {
            leave(state.out.left[""], section, key, not_in_this_version);
        }
    }
    finish_litellm(state);
    return std::move(state.out);
}

}  // namespace

LitellmImport import_litellm(std::string_view text, std::string const& file) {
    LitellmImport made;
    auto const root = parse_yaml(text, file, made.problems);
    if (!root || has_errors(made.problems)) return made;
    if (root->shape != Node::Shape::map || root->find("model_list") == nullptr) {
        made.problems.push_back(
            {.at = {.file = file}, .message = "this is no configuration of LiteLLM: there is no `model_list`"});
        return made;
    }
    made.imported = read(*root);
    return made;
}

}  // namespace sluice::config

#include "config/import/litellm_state.hpp"

#include <algorithm>
#include <charconv>

#include "config/import/secrecy.hpp"

namespace sluice::config {

void leave(std::vector<LeftOver>& left, Entry const& entry, std::string path, std::string_view why) {
    left.push_back({.line = entry.at.line,
                    .path = std::move(path),
                    .value = shown_safely(entry.key, entry.value),
                    .why = std::string(why)});
}
std::optional<std::string> count_of(Node const& node, long most, long more) {
    long value = 0;
    auto const* const end = node.text.data() + node.text.size();
    auto const [stop, error] = std::from_chars(node.text.data(), end, value);
    if (error != std::errc() || stop != end || value < 0) return std::nullopt;
    return std::to_string(std::min(value + more, most));
}

ImportedModel* LitellmState::find_model(std::string const& name) {
    auto const found = std::ranges::find(out.models, name, &ImportedModel::name);
    return found == out.models.end() ? nullptr : &*found;
}

void LitellmState::set(std::string& to, std::optional<std::string> value, Entry const& entry, std::string const& path,
                       std::vector<LeftOver>& left) {
    if (!value) return leave(left, entry, path, "this is not a value that Sluice could take");
    if (!to.empty() && to != *value)
        return leave(left, entry, path, "another value stands for the same thing already: " + to);
    to = *std::move(value);
    done();
}

void LitellmState::set_policy(std::string& to, Entry const& each, std::string const& path,
                              std::vector<LeftOver>& left) {
    auto const word = each.value.text;
    bool const is_yes = word == "true" || word == "True";
    set(to,
        is_yes || word == "false" || word == "False" ? std::optional<std::string>(is_yes ? "drop" : "pass")
                                                     : std::nullopt,
        each, path, left);
}

std::string LitellmState::secret(Entry const& entry, std::string const& variable, std::string const& path,
                                 std::vector<LeftOver>& left) {
    if (auto const name = variable_of(entry.value); !name.empty()) {
        done();
        return "${" + name + "}";
    }
    std::string name = variable.empty() ? "PROVIDER_API_KEY" : variable;
    std::string const wanted = name;
    for (int n = 2; secrets.contains(name) && secrets.at(name) != entry.value.text; ++n)
        name = wanted + "_" + std::to_string(n);
    secrets[name] = entry.value.text;
    left.push_back({.line = entry.at.line,
                    .path = path,
                    .value = "***",
                    .why = "a secret stood in the file: set the variable " + name + " to it"});
    return "${" + name + "}";
}

}  // namespace sluice::config

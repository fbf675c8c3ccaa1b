#include "server/lab/scenario_file.hpp"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace sluice::lab {
namespace {

using nlohmann::json;

/// The YAML core schema's idea of a plain scalar; a quoted one is a string.
json scalar(YAML::Node const& node) {
    auto const& text = node.Scalar();
    if (node.Tag() == "!") return text;
    if (text == "true" || text == "false") return text == "true";
    if (text == "null" || text == "~" || text.empty()) return nullptr;
    auto const* end = text.data() + text.size();
    std::uint64_t whole = 0;
    if (auto [at, failure] = std::from_chars(text.data(), end, whole); failure == std::errc{} && at == end)
        return whole;
    double real = 0;
    if (auto [at, failure] = std::from_chars(text.data(), end, real); failure == std::errc{} && at == end) return real;
    return text;
}

json to_json(YAML::Node const& node) {
    if (node.IsScalar()) return scalar(node);
    if (node.IsSequence()) {
        json out = json::array();
        for (auto const& entry : node) out.push_back(to_json(entry));
        return out;
    }
    if (!node.IsMap()) return nullptr;
    json out = json::object();
    for (auto const& member : node) out[member.first.Scalar()] = to_json(member.second);
    return out;
}

}  // namespace

std::expected<json, std::string> parse_scenarios(std::string const& yaml) {
    try {
        auto document = to_json(YAML::Load(yaml));
        if (document.is_null()) document = json::object();
        if (!document.is_object()) return std::unexpected("the top level must be a mapping");
        for (auto const& [key, value] : document.items()) {
            if (key != "listener" && key != "defaults" && key != "scenarios")
                return std::unexpected("unknown key `" + key + "`; allowed: listener, defaults, scenarios");
            if (!value.is_object()) return std::unexpected("`" + key + "` must be a mapping");
        }
        return document;
    } catch (YAML::Exception const& error) {
        return std::unexpected(std::string(error.what()));
    }
}

std::expected<json, std::string> read_scenario_file(std::string const& path) {
    std::ifstream file(path);
    if (!file) return std::unexpected(path + ": cannot be read");
    std::ostringstream text;
    text << file.rdbuf();
    auto document = parse_scenarios(text.str());
    if (!document) return std::unexpected(path + ": " + document.error());
    return document;
}

}  // namespace sluice::lab

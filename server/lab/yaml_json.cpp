#include "server/lab/yaml_json.hpp"

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

std::expected<json, std::string> parse_yaml(std::string const& yaml) {
    try {
        return to_json(YAML::Load(yaml));
    } catch (YAML::Exception const& error) {
        return std::unexpected(std::string(error.what()));
    }
}

std::expected<json, std::string> read_yaml_file(std::string const& path) {
    std::ifstream file(path);
    if (!file) return std::unexpected(path + ": cannot be read");
    std::ostringstream text;
    text << file.rdbuf();
    auto document = parse_yaml(text.str());
    if (!document) return std::unexpected(path + ": " + document.error());
    return document;
}

}  // namespace sluice::lab

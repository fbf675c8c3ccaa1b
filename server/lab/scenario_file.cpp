#include "server/lab/scenario_file.hpp"

#include <nlohmann/json.hpp>

#include "server/lab/yaml_json.hpp"

namespace sluice::lab {
namespace {

using nlohmann::json;

std::expected<json, std::string> checked(json document) {
    if (document.is_null()) document = json::object();
    if (!document.is_object()) return std::unexpected("the top level must be a mapping");
    for (auto const& [key, value] : document.items()) {
        if (key != "listener" && key != "defaults" && key != "scenarios")
            return std::unexpected("unknown key `" + key + "`; allowed: listener, defaults, scenarios");
        if (!value.is_object()) return std::unexpected("`" + key + "` must be a mapping");
    }
    return document;
}

}  // namespace

std::expected<json, std::string> parse_scenarios(std::string const& yaml) {
    auto document = parse_yaml(yaml);
    return document ? checked(*std::move(document)) : document;
}

std::expected<json, std::string> read_scenario_file(std::string const& path) {
    auto document = read_yaml_file(path);
    if (!document) return document;
    auto scenarios = checked(*std::move(document));
    if (!scenarios) return std::unexpected(path + ": " + scenarios.error());
    return scenarios;
}

}  // namespace sluice::lab

#pragma once

#include "config/rule_reader.hpp"
#include "server/cli/migrate/compare.hpp"

/// Two ends of a switch that no catalogue holds.
namespace sluice::cli::testing {

inline std::vector<ParameterRule> rules_of(std::string const& yaml) {
    std::vector<config::Problem> problems;
    auto const node = config::parse_yaml(yaml, "rules", problems);
    return config::read_rules(node.value(), {}, problems);
}

struct Switch {
    config::Profile old_profile{};
    config::Profile new_profile{};
    config::CatalogueModel old_row{.provider = "old", .model = "m", .prices = {}, .source = "list", .date = "2026-11"};
    config::CatalogueModel new_row{.provider = "new", .model = "m", .prices = {}, .source = "list", .date = "2026-11"};
    Side from{};
    Side to{};

    /// Everything known and the same, every key set; a test changes what it is about.
    explicit Switch(std::string const& old_rules = "[]", std::string const& new_rules = "[]") {
        for (auto* const profile : {&old_profile, &new_profile}) {
            profile->name = profile == &old_profile ? "old" : "new";
            profile->key_variables = {profile == &old_profile ? "OLD_KEY" : "NEW_KEY"};
            profile->settings.parameters = rules_of(profile == &old_profile ? old_rules : new_rules);
        }
        PriceSheet const one{.input = {NanoUsd{1'000'000'000}}, .output = {NanoUsd{2'000'000'000}}};
        old_row.prices = one;
        new_row.prices = one;
        from = {.profile = &old_profile, .model = "m", .known = {.row = &old_row}};
        to = {.profile = &new_profile, .model = "m", .known = {.row = &new_row}};
    }
    Switch(Switch const&) = delete;
    Switch& operator=(Switch const&) = delete;

    std::vector<Finding> findings(Traffic const* traffic = nullptr) const {
        config::Environment const environment = [](std::string_view) { return std::optional<std::string>("set"); };
        return compare({.from = from, .to = to, .environment = environment, .traffic = traffic});
    }
};

/// Of those that are more than a note: "changes: text".
inline std::vector<std::string> serious(std::vector<Finding> const& findings) {
    std::vector<std::string> out;
    for (Finding const& each : findings)
        if (each.level >= Level::warning) out.push_back(std::string(to_string(each.level)) + ": " + each.text);
    return out;
}

}  // namespace sluice::cli::testing

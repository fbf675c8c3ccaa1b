#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"
#include "config/yaml_tree.hpp"
#include "core/types/parameter_rule.hpp"

namespace sluice::config {

using RuleSets = std::map<std::string, std::vector<ParameterRule>, std::less<>>;

/// Reads a list of rules for parameters (docs/guides/provider-profiles.md). `sets` are what `use` may name. What is
/// wrong is appended to `problems`, and the rule left out.
std::vector<ParameterRule> read_rules(Node const& list, RuleSets const& sets, std::vector<Problem>& problems);

/// `node` as JSON: plain words are text, unless they are numbers, true, false or null.
std::string json_of(Node const& node);

}  // namespace sluice::config

#pragma once

#include <optional>
#include <vector>

#include "config/catalogue.hpp"

namespace sluice::config {

/// Reads a file of catalogue/providers. What is wrong is appended to `problems`.
std::optional<Profile> read_profile(ShippedFile const& file, RuleSets const& sets, std::vector<Problem>& problems);

/// Reads catalogue/rules.yaml: sets of rules that profiles share, and the sources that their rules name.
RuleSets read_rule_sets(ShippedFile const& file, std::vector<Source>& sources, std::vector<Problem>& problems);

/// Reads catalogue/models.yaml.
std::vector<CanonicalModel> read_canonical_models(ShippedFile const& file, std::vector<Problem>& problems);

}  // namespace sluice::config

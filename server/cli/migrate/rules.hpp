#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/cli/migrate/finding.hpp"
#include "server/cli/migrate/side.hpp"

namespace sluice::cli {

/// What the target's rules do to parameters and the source's did not: a finding per rule, temperature first;
/// those of severity `exact` are Level::same.
std::vector<Finding> compare_rules(Side const& from, Side const& to);

/// "clamped to 0..1.5", "dropped", "refused": what a rule does.
std::string effect_of(ParameterRule const& rule);

/// "when n: > 1": a rule's conditions; empty: none.
std::string conditions_of(ParameterRule const& rule);

/// "what, date, evidence": a rule's source; its name where no file explains it.
std::string source_of(std::string const& source, config::Profile const& profile);

}  // namespace sluice::cli

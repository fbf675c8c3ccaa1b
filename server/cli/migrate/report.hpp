#pragma once

#include <string>
#include <vector>

#include "server/cli/migrate/compare.hpp"

namespace sluice::cli {

/// "safe", "changes something" or "unsafe": of the worst finding.
std::string_view verdict(Level worst);

/// For people: a heading per topic; rules that lose nothing are only counted.
std::string to_text(Comparison const& sides, std::vector<Finding> const& findings);

/// For scripts: from, to, verdict, findings, and traffic where there is any. Ends with a newline.
std::string to_json(Comparison const& sides, std::vector<Finding> const& findings);

}  // namespace sluice::cli

#pragma once

#include "config/environment.hpp"
#include "server/cli/migrate/finding.hpp"
#include "server/cli/migrate/side.hpp"
#include "server/cli/migrate/traffic.hpp"

namespace sluice::cli {

struct Comparison {
    Side const& from;
    Side const& to;
    config::Environment const& environment;
    Traffic const* traffic = nullptr;  ///< null: nothing is known, so whatever could happen counts
};

/// Everything that a switch should know, in the order of Topic. What traffic never uses is no more than a note.
std::vector<Finding> compare(Comparison const& sides);

}  // namespace sluice::cli

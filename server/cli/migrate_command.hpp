#pragma once

#include <string>

namespace sluice::cli {

struct MigrateOptions {
    std::string from;
    std::string to;
    std::string traffic_file;  ///< "-": stdin; empty: none
    bool json = false;
};

/// `sluice migrate`: what changes when requests go to another target; nothing is sent. Exit codes: 0 safe, 3 something
/// changes, 4 something would be refused or fail, 2 wrong usage.
int run_migrate(MigrateOptions const& options);

}  // namespace sluice::cli

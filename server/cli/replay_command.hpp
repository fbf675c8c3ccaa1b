#pragma once

#include <string>

namespace sluice::cli {

struct ReplayOptions {
    std::string log_file{};  ///< "-" is stdin
    std::string config_file{};
    bool json = false;
};

/// `sluice replay`: recorded decisions under another configuration; reads the log line by line. Exit codes: 0 (the same
/// choices), 2 (wrong usage), 3 (some change), 4 (a request would find no target that found one, or a record of this
/// very configuration does not give its plan again), 78 (the configuration is wrong).
int run_replay(ReplayOptions const& options);

}  // namespace sluice::cli

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::cli {

enum class CheckFormat : std::uint8_t { text, json, github };

struct CheckOptions {
    std::vector<std::string> files;
    bool strict = false;  ///< warnings fail as well
    CheckFormat format = CheckFormat::text;
};

/// `sluice check FILE...`: everything that is wrong with the files, on stdout; also looks at the variables, secret
/// files and TLS files that they name. Exit codes: 0, 78 (something is wrong), 2 (no file given, or not there).
int run_check(CheckOptions const& options);

}  // namespace sluice::cli

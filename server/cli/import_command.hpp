#pragma once

#include <string>

namespace sluice::cli {

struct ImportOptions {
    std::string file;
    std::string output{};  ///< empty: stdout
    bool json = false;
};

/// `sluice import litellm`. What is left goes to stderr. Exit codes: 0 all translated, 3 something is left as comments,
/// 2 wrong usage, 78 the file is not readable YAML.
int run_import_litellm(ImportOptions const& options);

}  // namespace sluice::cli

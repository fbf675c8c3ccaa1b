#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/environment.hpp"
#include "config/problem.hpp"
#include "core/types/settings.hpp"

namespace sluice::config {

/// A value that stands above the file's, as if it were written there: "server.listen", "0.0.0.0:8080", "--listen".
struct Override {
    std::string key;
    std::string value;
    std::string origin;
};

struct LoadOptions {
    std::string path = "sluice.yaml";   ///< for messages, for relative paths, and read unless `text` is given
    std::optional<std::string> text{};  ///< the main file's content
    Environment environment{};          ///< empty: no variable is set
    Files files{};                      ///< empty: no file can be read
    std::vector<Override> overrides{};
};

struct LoadResult {
    std::optional<Settings> settings;  ///< there unless `problems` holds an error
    std::vector<Problem> problems;     ///< all of them, sorted by place
    std::string effective_yaml;        ///< every value in force with its origin, secrets masked; empty after an error
    std::string written_yaml;          ///< the same without what nobody wrote: defaults and the catalogue's values
    std::vector<std::string> watched_files;  ///< whose change may change the result: main, included, secrets, TLS
};

/// Reads, checks and completes a configuration. Pure over `environment` and `files`; never throws on what they give.
LoadResult load(LoadOptions const& options);

}  // namespace sluice::config

#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// The value of an environment variable, if it is set. The only way in which the configuration sees the environment.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The files that a configuration may consist of. Tests give maps, the program the disk.
struct Files {
    /// The content of a file, or why it can't be read ("No such file or directory").
    std::function<std::expected<std::string, std::string>(std::string const& path)> read;
    /// The names in a directory, sorted; nothing if it can't be read.
    std::function<std::vector<std::string>(std::string const& directory)> list;
    /// Whether this process may make files in a directory that is there. Empty: it may not.
    std::function<bool(std::string const& directory)> may_write{};
};

Environment process_environment();

/// Reads from the disk, at most 1 MiB + 1 of each file.
Files disk();

}  // namespace sluice::config

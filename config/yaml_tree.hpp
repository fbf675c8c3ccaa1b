#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.hpp"

namespace sluice::config {

struct Entry;

/// A YAML value with its place. Aliases and merge keys are already resolved, and no map holds a key twice.
struct Node {
    enum class Shape : std::uint8_t { null, scalar, list, map };

    Node();
    Node(Shape kind, Position place, std::string scalar = {});

    Shape shape = Shape::null;
    Position at;
    std::string text;  ///< of a scalar, as written: `${VAR}` is still in it
    std::vector<Node> items;
    std::vector<Entry> entries;

    Node const* find(std::string_view key) const;
};

struct Entry {
    std::string key;
    Position at;
    Node value;
};

/// Limits that a configuration never reaches and a hostile one does.
struct TreeLimits {
    std::size_t bytes = 1024 * 1024;
    std::size_t nodes = 100'000;  ///< after aliases are resolved
    std::size_t depth = 24;
};

/// Reads one YAML document. What is wrong is appended to `problems`; nothing comes back if the rest can't be made out.
/// Never throws. `text` may be any bytes; `file` is only for the places.
std::optional<Node> parse_yaml(std::string_view text, std::string const& file, std::vector<Problem>& problems,
                               TreeLimits const& limits = {});

}  // namespace sluice::config

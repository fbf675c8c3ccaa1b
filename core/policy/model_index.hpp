#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace sluice {

/// What the pattern's one '*' stands for in `name`; an empty view when a pattern without a star equals it.
std::optional<std::string_view> match_wildcard(std::string_view pattern, std::string_view name);

/// `text` with its star replaced by `matched`.
std::string fill_star(std::string_view text, std::string_view matched);

/// Finds the model that serves a name: the exact name first, then the pattern with the longest text before its star,
/// then the one with the longest text behind it.
class ModelIndex {
public:
    /// Positions are those of `names`. Of equal names the first counts.
    explicit ModelIndex(std::vector<std::string> names);

    struct Found {
        std::size_t position = 0;
        std::string_view star;  ///< part of the name asked for
    };
    std::optional<Found> find(std::string_view name) const;

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    std::vector<std::string> names_;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> exact_;
    std::vector<std::size_t> patterns_;  ///< best first
};

}  // namespace sluice

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// The questions of a switch, in the order in which they are answered.
enum class Topic : std::uint8_t { key, model, tools, parameters, limits, price, answers };

/// What a finding means for the switch.
enum class Level : std::uint8_t {
    same,     ///< no difference, or one that loses nothing
    note,     ///< to know
    warning,  ///< to do before, such as setting a variable
    changes,  ///< works, and something is another
    unsafe,   ///< something would be refused, or fail
};

struct Finding {
    Topic topic = Topic::key;
    Level level = Level::note;
    std::string text;
    std::string field{};     ///< of a rule
    std::string severity{};  ///< of a rule: exact, minor, lossy, refused
    std::string why{};
    std::string source{};  ///< with its date
    friend bool operator==(Finding const&, Finding const&) = default;
};

constexpr std::string_view to_string(Topic topic) {
    constexpr std::string_view names[] = {"key and region", "model", "tools and input", "parameters",
                                          "limits",         "price", "answers"};
    return names[static_cast<std::size_t>(topic)];
}

constexpr std::string_view to_string(Level level) {
    constexpr std::string_view names[] = {"same", "note", "warning", "changes", "unsafe"};
    return names[static_cast<std::size_t>(level)];
}

/// The worst of `findings`.
constexpr Level worst(std::vector<Finding> const& findings) {
    Level level = Level::same;
    for (Finding const& each : findings) level = each.level > level ? each.level : level;
    return level;
}

}  // namespace sluice::cli

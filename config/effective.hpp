#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// One line of the effective configuration.
struct EffectiveLine {
    std::size_t depth = 0;
    bool starts_item = false;  ///< the first key of a list's item
    std::string path{};
    std::string key{};
    std::string value{};        ///< as YAML, secrets masked; empty: a map or list follows
    std::string origin{};       ///< "default", "sluice.yaml:12", "env OPENAI_API_KEY" ...
    std::string fingerprint{};  ///< hash of what `value` masks
    bool written = false;       ///< by the user, here
};

/// Without what nobody wrote.
std::vector<EffectiveLine> written_only(std::vector<EffectiveLine> const& lines);

/// The written ones among `lines`, of one map, as a value on one line: `{ to: a/b, weight: 2 }`, or the value of
/// `alone` if that is the only key.
std::string flow_of(std::span<EffectiveLine const> lines, std::string_view alone);

/// The file that would give this configuration if it were the only source, each value with its origin as a comment.
std::string to_yaml(std::vector<EffectiveLine> const& lines);

/// Changes with every value, secrets included, and not with comments, with where a value is from or with how it is
/// written. 16 hexadecimal digits.
std::string hash_of(std::vector<EffectiveLine> const& lines);

}  // namespace sluice::config

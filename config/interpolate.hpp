#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/environment.hpp"

namespace sluice::config {

struct Interpolated {
    std::string text;
    std::vector<std::string> variables{};  ///< whose value, or absence, `text` depends on; in order
};

/// Replaces `${VAR}`, `${VAR:-default}` (for unset or empty; the default may hold further variables) and
/// `${VAR:?message}`; `$$` is a dollar sign, and a dollar sign before anything else is itself.
/// The error is a sentence for the user; it never holds a variable's value.
std::expected<Interpolated, std::string> interpolate(std::string_view text, Environment const& environment);

}  // namespace sluice::config

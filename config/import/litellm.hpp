#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/import/imported.hpp"
#include "config/problem.hpp"

namespace sluice::config {

struct LitellmImport {
    std::optional<Imported> imported;  ///< nothing if the file can't be read at all
    std::vector<Problem> problems;     ///< then, why
};

/// Translates LiteLLM's config.yaml. Secrets that stand in it become variables; no text that comes back holds one.
/// `file` is for the problems. Pure.
LitellmImport import_litellm(std::string_view text, std::string const& file);

}  // namespace sluice::config

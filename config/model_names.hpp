#pragma once

#include <string>
#include <vector>

#include "core/types/settings.hpp"

namespace sluice::config {

/// What a list of models may name.
class ModelNames {
public:
    explicit ModelNames(Settings const& settings);

    /// It is a model's name, or one that a wildcard covers.
    bool has(std::string const& name) const;
    /// As they are written, those without a star first.
    std::vector<std::string> const& all() const { return all_; }

private:
    std::vector<std::string> all_{};
    std::vector<std::string> wildcards_{};
};

}  // namespace sluice::config

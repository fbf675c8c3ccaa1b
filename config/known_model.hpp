#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/catalogue.hpp"

namespace sluice::config {

/// What the shipped files know together about one upstream model.
struct KnownModel {
    ModelFacts facts{};  ///< context and max_output: of the row where it has them, for it is about this model alone
    CatalogueModel const* row = nullptr;
    CanonicalModel const* canonical = nullptr;

    /// Whether any file names this model, not only a pattern.
    bool is_listed() const { return row != nullptr || canonical != nullptr; }
};

/// `provider` is a profile's name. Of a provider or a model that nobody knows, nothing is known.
KnownModel known_model(std::string_view provider, std::string_view model);

/// The ids at `provider` that a file names, of models that answer chats; sorted.
std::vector<std::string> known_ids(std::string_view provider);

}  // namespace sluice::config

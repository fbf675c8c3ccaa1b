#pragma once

#include <string_view>

#include "core/types/settings.hpp"

namespace sluice::config {

/// What `over` says, and `below` where it says nothing.
TargetTraits merged(TargetTraits const& below, TargetTraits const& over);

/// What is known about `model` at `provider`: the catalogue's, and above it what is written about the provider. Of a
/// model with a star only what holds for all models.
TargetTraits traits_of(ProviderSettings const& provider, std::string_view model);

}  // namespace sluice::config

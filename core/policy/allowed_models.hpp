#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Lists of model names and patterns, as keys and teams have them. Empty: all models.
using AllowedModels = std::vector<std::string>;

/// A list that allows nothing: no model has an empty name.
AllowedModels no_models();

/// May whoever has `allowed` use what `name`, a name or a pattern, stands for? All of it.
bool covers(AllowedModels const& allowed, std::string_view name);

/// What both allow. Of two patterns that overlap without one holding the other nothing is left.
AllowedModels models_within(AllowedModels const& own, AllowedModels const& bounds);

}  // namespace sluice

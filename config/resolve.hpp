#pragma once

#include "config/draft.hpp"
#include "config/reader.hpp"
#include "core/types/settings.hpp"

namespace sluice::config {

/// Follows what the values of a draft refer to: providers, models, keys, prices. Reports through `reader`, which knows
/// where everything stands. The result is complete only if nothing was reported as an error.
Settings resolve(Draft draft, Reader& reader, Files const& files);

/// The models' part: targets and references between models.
void resolve_models(Draft const& draft, Settings& settings, Reader& reader);

}  // namespace sluice::config

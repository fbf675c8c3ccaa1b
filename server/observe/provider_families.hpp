#pragma once

#include <vector>

#include "core/pipeline/health.hpp"
#include "server/observe/page.hpp"

namespace sluice::observe {

/// The page's families about the queue and the health of each provider.
void add_providers(std::vector<PageFamily>& out, std::vector<ProviderStatus> const& providers);

}  // namespace sluice::observe

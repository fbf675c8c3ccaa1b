#pragma once

#include <vector>

#include "server/observe/page.hpp"

namespace sluice::observe {

/// The standard process_* families, read from /proc/self; what cannot be read is left out. Counting open descriptors
/// takes milliseconds with many thousand of them.
std::vector<PageFamily> process_facts();

}  // namespace sluice::observe

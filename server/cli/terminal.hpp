#pragma once

#include <cstdio>

namespace sluice::cli {

/// Whether to use colours on `stream`: it is a terminal and NO_COLOR isn't set, or FORCE_COLOR is.
bool wants_colour(std::FILE* stream);

}  // namespace sluice::cli

#pragma once

#include <string>

#include "options.hpp"
#include "tally.hpp"

namespace sluice::bench {

/// One line of JSON: what was asked, what was counted; times in microseconds.
std::string report(Options const& options, Tally const& tally);

}  // namespace sluice::bench

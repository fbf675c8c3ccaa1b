#pragma once

#include "options.hpp"
#include "tally.hpp"

namespace sluice::bench {

/// Runs the load that `options` describe to its end, on this thread.
///
/// With streams, prints one line `{"opened":N,"events":E}` to stdout when every stream has had its first event: whoever
/// started us can look at the proxy's memory and clock then. Throws std::runtime_error if the run cannot begin.
Tally run_load(Options const& options);

}  // namespace sluice::bench

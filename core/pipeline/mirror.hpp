#pragma once

#include "core/pipeline/request_run.hpp"

namespace sluice {

/// Sends a copy of the routed request of `run` to its model's shadow target, if its lot says so: beside the request,
/// which never waits for it, and with an Outcome of its own. What the copy needs is copied now. A shadow that may not
/// see the request (a filter of the route, the key or the client), or can't take it now, gets none.
void mirror(RequestRun& run, Instant now);

}  // namespace sluice

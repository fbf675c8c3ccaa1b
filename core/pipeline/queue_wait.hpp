#pragma once

#include <memory>

#include "core/pipeline/request_run.hpp"

namespace sluice {

/// Waits for a place at the full provider of `target`, at most as long as its queue and the request allow, and lets a
/// waiting client hear something meanwhile. What it returns has a place: take it. The wait counts as time spent on
/// upstreams. Errors: overloaded (the queue is full, or no place came), client_closed, server_shutdown.
[[gnu::noinline]] Task<Result<std::unique_ptr<InFlight::Waiting>>> wait_for_place(RequestRun& run,
                                                                                  TargetRuntime const& target);

}  // namespace sluice

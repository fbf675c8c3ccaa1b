#pragma once

#include "core/pipeline/request_run.hpp"
#include "core/policy/planner.hpp"

namespace sluice {

/// The error for a request that no target of its plan takes: for parameters it says which fields no target takes, why,
/// and where they would be taken.
Error nothing_to_try(RequestRun const& run, Plan const& plan);

}  // namespace sluice

#pragma once

#include "core/pipeline/request_run.hpp"

namespace sluice {

/// plan, attempt, stream: tries the targets of the request's model until the client has an answer, or nothing more may
/// be tried. With an error and `run.committed` false the client has not been answered.
Task<Result<>> forward(RequestRun& run);

}  // namespace sluice

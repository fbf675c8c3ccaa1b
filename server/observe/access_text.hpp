#pragma once

#include "core/pipeline/outcome.hpp"
#include "server/observe/access_line.hpp"

namespace sluice::observe {

/// The line for people: time, status, method and path, model and target, times, tokens, cost, what went wrong, id.
void append_access_text(LineBuffer& out, Outcome const& outcome, Timestamp& timestamp, LineStyle style);

}  // namespace sluice::observe

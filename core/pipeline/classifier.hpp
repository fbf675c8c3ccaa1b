#pragma once

#include <optional>

#include "core/pipeline/request_run.hpp"

namespace sluice {

/// May the classifier of the request's model be asked at all? Not for a session whose choice was made before, nor where
/// the client sorts or there is no choice; nor where what the key, the model or the client asks of targets forbids it
/// to see the request.
bool wants_classifier(Routing const& routing, Snapshot const& snapshot);

/// Asks the classifier of the model that serves the request how demanding the request is, 0 to 100, and adds the
/// attempt, with what it used and cost, to the outcome. Nothing: it can't be asked now, or gave no number in time. A
/// request never fails by it.
Task<std::optional<unsigned>> ask_classifier(RequestRun& run);

}  // namespace sluice

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/pipeline/ports.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/types/clock.hpp"
#include "core/types/result.hpp"
#include "server/explain/question.hpp"

namespace sluice::explain {

/// When it is asked. core/pipeline/routing.hpp can't be seen from where server/observe is: its observe() hides the
/// namespace.
struct Moment {
    Instant now;
    std::chrono::system_clock::time_point time;
    std::uint64_t draw = 0;  ///< of every chance, unless the question has a seed
};

/// Where the request would go at `moment` and why, as JSON: docs/guides/explain-and-replay.md. Gathered and planned by
/// the code that serves; nothing is sent, reserved or remembered. `book`: everybody's limits; null: there are none.
/// Errors: those of a request that is refused before it has a plan, and invalid_value for a key that is not configured.
Result<std::string> explain(Question const& question, Snapshot const& snapshot, DialectLookup const& dialects,
                            Moment const& moment, LimitBook* book);

enum class Colour : std::uint8_t { none, ansi };

/// The same for people; empty when `json` is no explanation.
std::string to_text(std::string_view json, Colour colour);

}  // namespace sluice::explain

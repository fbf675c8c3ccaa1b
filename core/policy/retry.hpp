#pragma once

#include <cstdint>
#include <string_view>

#include "core/types/clock.hpp"
#include "core/types/error.hpp"
#include "core/types/settings.hpp"

namespace sluice {

/// Nobody waits longer for a repetition, whatever the configuration allows: the credential rests instead.
inline constexpr milliseconds longest_sleep{120'000};

enum class NextStep : std::uint8_t { give_up, same_target, other_credential, other_target };

/// What is known when an attempt has failed and the client has seen nothing yet.
struct AttemptHistory {
    unsigned attempts = 1;                         ///< made so far
    unsigned failures_here = 1;                    ///< of them, on this target in a row
    bool credential_free = false;                  ///< another credential of this target may be used now
    bool target_left = false;                      ///< the plan has another target
    milliseconds time_left = milliseconds::max();  ///< of the request's deadline
};

struct Decision {
    NextStep step = NextStep::give_up;
    milliseconds wait{0};
    std::string_view reason;  ///< for the log and the attempt; a literal
};

/// What follows a failed attempt. A POST is repeated only when nothing was sent, nothing was received, or the upstream
/// said that it did no work; after a timeout only another target may try. What no row of the error table and no setting
/// allows is given up. The upstream's own word on it (Error::retryable) counts for the same target: no keeps us from
/// it, yes allows what else only another target could try, and one repetition of what else is final. `random` in [0, 1)
/// draws the backoff (full jitter).
Decision next_step(Error const& error, AttemptHistory const& history, RetrySettings const& settings, double random);

}  // namespace sluice

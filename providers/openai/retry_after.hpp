#pragma once

#include "core/pipeline/ports.hpp"
#include "providers/openai/durations.hpp"
#include "providers/openai/error_body.hpp"

namespace sluice::openai {

/// How long an upstream wants us to wait: from the retry headers, else its body, else the reset of a bucket that its
/// headers call empty.
Wait parse_retry_after(Headers const& headers, ErrorBody const& body, WallTime now);

/// "Please retry after 7 seconds", "try again in 7m12s": what a message says.
Wait wait_in_words(std::string_view message);

}  // namespace sluice::openai

#pragma once

#include <cstdint>
#include <string_view>

#include "core/types/chat_request.hpp"
#include "core/types/result.hpp"

namespace sluice {

/// The most that one request may ask for.
struct ChatLimits {
    std::int64_t max_choices = 16;               ///< `n`, `best_of`
    std::int64_t max_output_tokens = 1'000'000;  ///< `max_tokens`, `max_completion_tokens`
};

/// Checks the whole body, and reads from it what the gateway uses; the result refers to `body`. Any thread; each keeps
/// an index of tokens for the next body.
/// Errors: invalid_json (with the place), duplicate_key, invalid_value (with `param`).
Result<ChatRequest> read_chat_request(std::string_view body, ChatLimits const& limits);

}  // namespace sluice

#pragma once

#include <cstdint>
#include <optional>

#include "core/types/chat_request.hpp"
#include "core/types/money.hpp"
#include "core/types/routing.hpp"

namespace sluice {

/// What one call can use at most.
struct WorstCase {
    std::int64_t input_tokens = 0;   ///< a bound, not an estimate: no tokeniser makes more of so many bytes
    std::int64_t output_tokens = 0;  ///< of all choices together
    bool output_is_bounded = false;  ///< the client said max_tokens, or the target's maximum is known
};

/// Assumed as the most that a target answers of which nothing is known, for one choice.
inline constexpr std::int64_t assumed_max_output = 16'384;

/// Input: a token has at least one byte of the prompt's JSON strings and tools, plus what templates add for each
/// message, plus the most that an image costs. Output: max_tokens, else the target's maximum, else assumed_max_output;
/// times `n`.
WorstCase worst_case(ChatRequest const& request, TargetTraits const& target);

/// The most that it can cost: every token at the dearest kind and in the dearest tier that it can reach.
NanoUsd highest_cost(WorstCase const& most, PriceSheet const& prices);

/// The largest output (all choices together, at least 0) whose highest_cost stays within `money`; nothing if the input
/// alone costs more.
std::optional<std::int64_t> affordable_output(WorstCase const& most, PriceSheet const& prices, NanoUsd money);

}  // namespace sluice

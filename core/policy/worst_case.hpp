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

/// Assumed as the most that an image costs, whatever its size. Most targets charge less: 85 to 3,779 (OpenAI: tiles of
/// 170, or 1,536 patches times at most 2.46: platform.openai.com/docs/guides/images-vision). gpt-4o-mini charges up to
/// 48,169 of its cheap tokens: there an image may close a budget, as whatever costs more than was reserved.
inline constexpr std::int64_t most_image_tokens = 5'000;

/// Input: a token is at least one byte of the body. All of it may reach the model (names, schemas, thoughts, members
/// that only the target knows), and its punctuation outweighs what a template adds for each message; only images that
/// stand in it as data count as images. Plus what a target adds by itself. What it fetches for the call (files by id,
/// searches, videos) no bound knows. Output: max_tokens, else the target's maximum, else assumed_max_output; times `n`.
WorstCase worst_case(ChatRequest const& request, TargetTraits const& target);

/// The most that it can cost: every token at the dearest kind, in the dearest tier that it can reach. No usage within
/// `most` has a higher cost_of().
NanoUsd highest_cost(WorstCase const& most, PriceSheet const& prices);

/// The largest output (all choices together, at least 0) whose highest_cost stays within `money`, the most that an
/// int64 holds where output is free; nothing if the input alone costs more.
std::optional<std::int64_t> affordable_output(WorstCase const& most, PriceSheet const& prices, NanoUsd money);

}  // namespace sluice

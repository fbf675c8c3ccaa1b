#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/policy/planner.hpp"

namespace sluice {

/// Assumed where nothing was measured and the client did not say.
inline constexpr std::int64_t default_output_tokens = 256;

/// The output that is usual among `candidates`: the mean of their means, so that a target that was never used is not
/// compared with a guess. default_output_tokens where none was measured.
std::int64_t usual_output(std::span<Candidate const> candidates);

/// `usual`, at most what was asked for and what the target can say.
std::int64_t expected_output(RequestFacts const& facts, Candidate const& candidate, std::int64_t usual);

/// As expected_cost(), for a target whose own mean output is unknown: it is taken to be `usual`.
std::optional<NanoUsd> expected_cost(RequestFacts const& facts, Candidate const& candidate, std::int64_t cached_tokens,
                                     std::int64_t usual);

/// What the target charges for a million tokens of a request with so much input.
struct RequestPrices {
    PricePerMillion input;
    PricePerMillion output;
};
RequestPrices prices_at(PriceSheet const& sheet, std::int64_t input_tokens);

}  // namespace sluice

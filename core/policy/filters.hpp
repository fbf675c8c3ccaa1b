#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/policy/planner.hpp"

namespace sluice {

/// Room that a context must leave for an answer whose length the client did not bound.
inline constexpr std::int64_t default_answer_room = 1'024;

/// Tokens that the answer needs beside the prompt, at `traits`.
std::int64_t answer_room(RequestFacts const& facts, TargetTraits const& traits);

/// Does one of `names`, a provider's or "provider/model", name `candidate`? Case does not matter.
bool names_target(std::vector<std::string> const& names, Candidate const& candidate);
/// One of them.
bool names_target(std::string_view name, Candidate const& candidate);

/// Why `candidate` could never take this request, if so: what the client asked to leave out, then what the target can't
/// do, then what the filters forbid. `target` is left to the caller.
std::optional<ExcludedTarget> unfitness(PlanInput const& input, Candidate const& candidate);

/// May `candidate`, left out as `excluded` says, serve the request after all if nobody else can?
bool is_doubtful(PlanInput const& input, Candidate const& candidate, ExcludedTarget const& excluded);

}  // namespace sluice

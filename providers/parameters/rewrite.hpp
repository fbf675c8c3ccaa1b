#pragma once

#include <string_view>
#include <vector>

#include "core/types/chat_request.hpp"
#include "core/types/parameter_rule.hpp"
#include "providers/parameters/body_draft.hpp"

/// Applies a profile's rules for parameters: docs/guides/provider-profiles.md.
namespace sluice::parameters {

/// What the rules made of a request.
struct Rewritten {
    std::vector<Adjustment> adjustments;        ///< in the order of the rules
    std::vector<ParameterRule const*> refused;  ///< not empty: this target can't take the request
};

/// Applies the rules that are about `target_model` to `draft`, which was made of `request`. Pure but for `draft`. Views
/// in the result are of `rules`.
Rewritten rewrite(ChatRequest const& request, ParameterRules const& rules, std::string_view target_model,
                  UnsupportedPolicy policy, BodyDraft& draft);

/// Only Rewritten::refused, and cheaper where no rule could refuse.
std::vector<ParameterRule const*> refused_by(ChatRequest const& request, ParameterRules const& rules,
                                             std::string_view target_model, UnsupportedPolicy policy);

}  // namespace sluice::parameters

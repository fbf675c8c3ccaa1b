#pragma once

#include "core/pipeline/ports.hpp"
#include "core/types/chat_request.hpp"

namespace sluice::openai {

/// Dialect::encode.
Result<EncodedRequest> encode(ChatRequest const& request, TargetView const& target);

/// The error of a request that `rule` keeps from a target.
Error refusal(ParameterRule const& rule);

}  // namespace sluice::openai

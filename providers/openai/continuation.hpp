#pragma once

#include <cstdint>

#include "core/stream/continuation.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/result.hpp"
#include "core/types/settings.hpp"
#include "providers/parameters/body_draft.hpp"

/// The request side of continuing a stream that broke off (README.md, "Continuations").
namespace sluice::openai {

/// Whether an answer to `request` could be continued by another target: one plain text, without log probabilities,
/// audio, forced tool calls, or a form that the next target would begin anew (JSON, a grammar). Not cheap.
bool may_continue(ChatRequest const& request);

/// Changes a body so that it asks to go on. After all rules for parameters. `provider` must outlive the draft. Errors:
/// unsupported_parameter.
Result<> ask_to_continue(ChatRequest const& request, Continuation const& continuation, ProviderSettings const& provider,
                         parameters::BodyDraft& draft);

}  // namespace sluice::openai

#pragma once

#include <string_view>

#include "core/types/chat_request.hpp"
#include "core/types/result.hpp"
#include "core/types/routing.hpp"
#include "server/api/choice_headers.hpp"

namespace sluice::api {

/// What the client says about the choice of its target. Where several say the same, the later counts: the suffix of
/// the model (`:nitro` sorts by throughput, `:floor` by price, `:free` takes free targets only), the body's `models`,
/// `provider` and `route`, the header x-provider-preferences, the headers x-sluice-*. Errors: invalid_value, naming the
/// member or the header.
Result<Steering> read_steering(ChatRequest const& chat, ChoiceHeaders const& headers);

/// Might read_steering() find anything? Two tests of a bit, mostly.
bool says_something(ChatRequest const& chat, ChoiceHeaders const& headers);

/// Of what is said, what holds whatever the client may say: ceilings of price, and what a target may do with data. To
/// send a prompt where its sender forbade, or to spend what they did not allow, is worse than to refuse.
Steering bounds_of(Steering const& steering);

/// ":nitro", ":floor" or ":free", if `model` ends with it; else empty.
std::string_view suffix_of(std::string_view model);

}  // namespace sluice::api

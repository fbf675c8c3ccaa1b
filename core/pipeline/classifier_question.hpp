#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/types/chat_request.hpp"

namespace sluice {

/// The body of a chat completion request that asks how demanding `chat` is: what we ask, a line of facts, and the text
/// of its last user message, of which at most `max_input` bytes. Cut between characters.
std::string classifier_body(ChatRequest const& chat, std::uint64_t max_input);

/// What a dialect needs to know of such a body, which must outlive the result.
ChatRequest classifier_request(std::string_view body);

/// The first number of the answer's text, if that is a whole one from 0 to 100.
std::optional<unsigned> classified_complexity(std::string_view answer);

}  // namespace sluice

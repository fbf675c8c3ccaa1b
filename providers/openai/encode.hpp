#pragma once

#include <string_view>
#include <vector>

#include "core/types/chat_request.hpp"
#include "core/types/splice.hpp"

namespace sluice::openai {

enum class StreamUsage : bool { as_asked, always };

/// The edits that turn a client's body into the one for `target_model`; sorted. Every other byte stays.
std::vector<Edit> edits_for(ChatRequest const& request, std::string_view target_model, StreamUsage stream_usage);

}  // namespace sluice::openai

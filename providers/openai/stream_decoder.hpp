#pragma once

#include <cstddef>
#include <memory>

#include "core/stream/stream_decoder.hpp"
#include "core/types/chat_request.hpp"

namespace sluice::openai {

/// Reads what matters of `request` and keeps nothing of it.
std::unique_ptr<StreamDecoder> make_stream_decoder(ChatRequest const& request, std::size_t max_event_size);

}  // namespace sluice::openai

#pragma once

#include <cstddef>
#include <memory>

#include "core/stream/stream_decoder.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/settings.hpp"

namespace sluice::openai {

/// Reads what matters of `request` and keeps nothing of it, but for `options.keep_text`. `tags`: the marks around
/// thoughts in the text of the model, null for none; they must outlive the decoder. `options.continued` is not for this
/// one: make_continued_decoder().
std::unique_ptr<StreamDecoder> make_stream_decoder(ChatRequest const& request, std::size_t max_event_size,
                                                   ReasoningTags const* tags = nullptr,
                                                   DecoderOptions const& options = {});

}  // namespace sluice::openai

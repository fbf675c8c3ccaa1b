#pragma once

#include <cstddef>
#include <memory>

#include "core/stream/stream_decoder.hpp"
#include "core/types/chat_request.hpp"
#include "core/types/settings.hpp"

namespace sluice::openai {

/// Decodes the stream of a target that goes on with `continued`, so that its client sees one stream: the same id, time
/// and model, no second role, nothing twice at the seam, one usage. Any other thing than text is an error. `tags` and
/// `continued` must outlive the decoder.
std::unique_ptr<StreamDecoder> make_continued_decoder(ChatRequest const& request, std::size_t max_event_size,
                                                      ReasoningTags const* tags, Continuation const& continued);

}  // namespace sluice::openai

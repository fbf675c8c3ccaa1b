#include "core/pipeline/client_stream.hpp"

#include "core/pipeline/answer_headers.hpp"
#include "core/stream/sse_writer.hpp"

namespace sluice {

ClientStream::ClientStream(ReplySink& sink, ChatRequest const& chat, StreamSettings const& settings,
                           Instant received_at, std::string_view request_id)
    : sink_(sink), settings_(settings), request_id_(request_id) {
    if (chat.stream) next_comment_ = after(received_at, settings_.header_grace);
}

Task<Result<>> ClientStream::keep_alive(Instant now) {
    if (now < next_comment_) co_return Result<>();
    if (!opened_) {
        auto const headers = stream_headers(request_id_);
        SLUICE_CO_CHECK(co_await open(headers));
    }
    std::string_view const comment = keep_alive_comment;
    Pieces const pieces(&comment, 1);
    co_return co_await write(pieces, now);
}

Task<Result<>> ClientStream::fail(Error const& error) {
    auto const event = error_event(error);
    std::string_view const piece = event;
    Pieces const pieces(&piece, 1);
    SLUICE_CO_CHECK(co_await sink_.write(pieces));
    co_return co_await sink_.end_stream(false);
}

}  // namespace sluice

#include "server/api/recorded_relay.hpp"

#include <utility>

#include "core/pipeline/reply.hpp"
#include "core/stream/sse_writer.hpp"

namespace sluice::api {
namespace {

/// The recorded fields as this reader gets them.
Headers headers_for(Headers const& recorded, Rereading const& rereading) {
    if (!rereading.limits) return recorded;
    Headers headers;
    headers.reserve(recorded.size() + rereading.limits->size() + 1);
    for (auto const field : recorded) {
        if (field.name == "x-request-id" || field.name.starts_with("x-ratelimit-")) continue;
        headers.add(field.name, field.value);
    }
    for (auto const field : *rereading.limits) headers.add(field.name, field.value);
    headers.add("x-request-id", rereading.request_id);
    headers.add("x-sluice-idempotent-replay", "true");
    return headers;
}

std::vector<std::string_view> views_of(std::vector<RecordedAnswer::Piece> const& pieces) {
    std::vector<std::string_view> views;
    views.reserve(pieces.size());
    for (auto const& piece : pieces) views.push_back(piece.bytes);
    return views;
}

/// Says `error` in the way that the client can still understand.
[[gnu::noinline]] Task<Result<>> say(ReplySink& client, Error const& error, Rereading const& rereading) {
    if (error.kind == ErrorKind::client_closed) co_return std::unexpected(error);
    if (!client.stream_started()) {
        Headers headers;
        headers.add("x-request-id", rereading.request_id);
        co_return co_await answer_error(client, error, std::move(headers));
    }
    auto const event = error_event(error);
    std::string_view const piece = event;
    SLUICE_CO_CHECK(co_await client.write(Pieces(&piece, 1)));
    co_return co_await client.end_stream(false);
}

Task<Result<>> write_on(ReplySink& client, RecordedAnswer::News const& news, Rereading const& rereading) {
    if (!client.stream_started()) {
        auto const headers = headers_for(news.head->headers, rereading);
        SLUICE_CO_CHECK(co_await client.start_stream(headers));
    }
    if (!news.pieces.empty()) {
        auto const pieces = views_of(news.pieces);
        SLUICE_CO_CHECK(co_await client.write(pieces));
    }
    if (news.ending == Ending::none) co_return Result<>();
    co_return co_await client.end_stream(news.ending == Ending::complete);
}

Task<Result<>> answer_whole(ReplySink& client, RecordedAnswer::News const& news, Rereading const& rereading) {
    auto const headers = headers_for(news.head->headers, rereading);
    auto const pieces = views_of(news.pieces);
    co_return co_await client.answer(news.head->status, headers, pieces);
}

}  // namespace

Task<Result<>> RecordingSink::answer(int status, Headers const& headers, Pieces body) {
    started_ = true;
    answer_->begin({.status = status, .headers = headers});
    answer_->append(body);
    answer_->end(Ending::complete);
    co_return Result<>();
}

Task<Result<>> RecordingSink::start_stream(Headers const& headers) {
    started_ = true;
    answer_->begin({.headers = headers, .stream = true});
    co_return Result<>();
}

Task<Result<>> RecordingSink::write(Pieces pieces) {
    answer_->append(pieces);
    if (answer_->is_kept()) co_return Result<>();
    if (!room_) room_ = clock_.make_gate();
    while (answer_->is_far_ahead(room_)) {
        auto const woken = co_await room_->wait(never, cancellation_);
        if (!woken) co_return std::unexpected(woken.error());
    }
    co_return Result<>();
}

Task<Result<>> RecordingSink::end_stream(bool keep_open) {
    answer_->end(keep_open ? Ending::complete : Ending::cut);
    co_return Result<>();
}

Task<Reread> pass_on(RecordedAnswer::Reader& reader, ReplySink& client, Rereading const& rereading,
                     Cancellation& cancellation) {
    Reread reread;
    while (true) {
        auto const news = reader.take();
        if (news.bug) std::rethrow_exception(news.bug);
        if (news.ending == Ending::abandoned) reread.error = Error{.kind = ErrorKind::server_shutdown};
        bool const whole = news.head && !news.head->stream;
        if (reread.error) {
            reread.sent = co_await say(client, *reread.error, rereading);
            co_return reread;
        }
        if (news.head) reread.status = news.head->status;
        if (whole && news.ending != Ending::none) {
            reread.sent = co_await answer_whole(client, news, rereading);
        } else if (news.head && !whole) {
            reread.sent = co_await write_on(client, news, rereading);
        }
        if (!reread.sent || news.ending != Ending::none) co_return reread;
        if (!news.pieces.empty()) continue;
        auto const woken = co_await reader.wait(cancellation);
        if (!woken && !(reader.ended() && cancellation.reason() == CancelReason::server_shutdown)) {
            reread.error = woken.error();
        }
    }
}

}  // namespace sluice::api

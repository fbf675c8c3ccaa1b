#include <algorithm>

#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/attempt_run.hpp"
#include "core/pipeline/continuation.hpp"

/// AttemptRun: a streamed answer.
namespace sluice {
namespace {

constexpr milliseconds rate_window{10'000};

}  // namespace

Task<Result<>> AttemptRun::relay_stream(Exchange& exchange, UpstreamHead const& head) {
    if (!has_type(head, "text/event-stream")) co_return co_await not_a_stream(exchange, head);
    auto const& provider = *target_.provider->settings;
    keeps_text_ = could_be_continued(run_, target_);
    DecoderOptions const options{.keep_text = keeps_text_, .continued = continuation_};
    decoder_ = dialect_->stream_decoder(run_.request.chat, record_.target_model, provider, options);
    if (target_.timeout.min_rate != 0) rate_limit_ = now_ + rate_window;
    StreamStep step;
    while (!step.ended) {
        auto const piece = co_await exchange.read(next_look());
        now_ = run_.parts.clock.now();
        if (cancellation()) co_return std::unexpected(cancelled_error(cancellation().reason()));
        if (!piece) {
            if (auto error = failure_of(piece.error())) co_return std::unexpected(std::move(*error));
            if (may_talk()) SLUICE_CO_CHECK(co_await run_.stream.keep_alive(now_));
            continue;
        }
        decode(*piece, step);
        if (step.ended) cost_is_known();
        if (shown_) {
            if (!step.relay.empty()) SLUICE_CO_CHECK(co_await run_.stream.write(step.relay, now_));
        } else if ((step.ended || (step.committed && has_proven_its_speed())) && !step.error) {
            exchange.keep_connection();
            SLUICE_CO_CHECK(co_await claim());
            SLUICE_CO_CHECK(co_await commit(step, head));
            exchange.forget_head();
        } else if (auto error = hold(step)) {
            co_return std::unexpected(std::move(*error));
        }
        if (step.error) co_return std::unexpected(std::move(*step.error));
        if (!step.ended) SLUICE_CO_CHECK(money_.meter(decoder_->text_bytes(), now_));
        if (auto error = passed_limit(); error && !step.ended) co_return std::unexpected(std::move(*error));
    }
    SLUICE_CO_CHECK(co_await run_.client.end_stream(true));
    run_.finished_at = run_.parts.clock.now();
    co_await finish_body(exchange);
    co_return Result<>();
}

void AttemptRun::decode(std::string_view piece, StreamStep& step) {
    step.clear();
    idle_limit_ = after(now_, target_.timeout.idle);
    body_ended_ = piece.empty();
    if (body_ended_) return decoder_->finish(step);
    decoder_->feed(piece, step);
    if (target_.timeout.min_rate == 0) return;
    rate_bytes_ += piece.size();
    auto const wanted = target_.timeout.min_rate * static_cast<std::uint64_t>(rate_window / seconds(1));
    if (now_ < rate_limit_ || rate_bytes_ < wanted) return;
    rate_limit_ = now_ + rate_window;
    rate_bytes_ = 0;
}

/// Keeps the events from before the commit point.
std::optional<Error> AttemptRun::hold(StreamStep const& step) {
    for (auto const bytes : step.relay) held_ += bytes;
    if (step.error || held_.size() <= run_.snapshot.settings().server.limits.event_bytes) return std::nullopt;
    return Error{.kind = ErrorKind::upstream_invalid_response, .detail = "too many events without any content"};
}

/// Whether the client may see the stream: where others could take over, a slow one is not shown. So much text at the
/// wanted rate, or a buffer full of it, is proof.
bool AttemptRun::has_proven_its_speed() {
    constexpr std::uint64_t enough = 256;
    auto const& timeout = target_.timeout;
    if (timeout.start_rate == 0 || continuation_ != nullptr || run_.routing.candidates.size() < 2) return true;
    if (start_limit_ == never) {
        start_limit_ = now_ + timeout.start_window;
        answered_ = true;
        record_.first_token = own_time();
    }
    auto const wanted = timeout.start_rate * static_cast<std::uint64_t>(timeout.start_window.count()) / 1000;
    return decoder_->text_bytes() >= std::min(wanted, enough);
}

/// The commit point: from here on the client is shown this attempt, and no other unless that goes on with it.
Task<Result<>> AttemptRun::commit(StreamStep const& step, UpstreamHead const& head) {
    if (money_.is_counted()) {
        SLUICE_CO_CHECK(co_await money_.durable(cancellation()));
    }
    run_.committed = answered_ = shown_ = true;
    start_limit_ = never;
    bind_session(run_.request.chat.facts.input_tokens);
    if (!keeps_text_ && is_alone()) run_.client.forget_request();
    if (step.committed) {
        if (!record_.first_token) record_.first_token = own_time();
        if (continuation_ == nullptr) run_.outcome.first_token = now_ - run_.request.received_at;
        pass_.answering(now_);
    }
    if (!run_.stream.opened()) {
        auto headers = stream_headers(run_.request.request_id);
        add_headers(headers, head);
        SLUICE_CO_CHECK(co_await run_.stream.open(headers));
    }
    if (held_.empty() && step.relay.empty()) co_return Result<>();
    if (held_.empty()) co_return co_await run_.stream.write(step.relay, now_);
    std::vector<std::string_view> pieces;
    pieces.reserve(step.relay.size() + 1);
    pieces.push_back(held_);
    pieces.insert(pieces.end(), step.relay.begin(), step.relay.end());
    auto written = co_await run_.stream.write(pieces, now_);
    held_ = std::string();
    co_return written;
}

/// A 2xx that is no event stream: an error object perhaps, which then says what happened.
Task<Result<>> AttemptRun::not_a_stream(Exchange& exchange, UpstreamHead const& head) {
    Error error{.kind = ErrorKind::upstream_invalid_response, .detail = "a stream was asked for, the answer is none"};
    if (!has_json(head)) co_return std::unexpected(std::move(error));
    SLUICE_CO_TRY(auto const body,
                  co_await read_whole(exchange, head, run_.snapshot.settings().server.limits.event_bytes));
    auto const& provider = *target_.provider->settings;
    SLUICE_CO_TRY(auto const facts, dialect_->read_answer(run_.request.chat, record_.target_model, provider, body));
    error.detail += " (a complete answer of " + facts.reported_model + ")";
    co_return std::unexpected(std::move(error));
}

}  // namespace sluice

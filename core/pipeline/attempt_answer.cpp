#include <algorithm>
#include <charconv>

#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/attempt_run.hpp"

/// AttemptRun: an answer that is not streamed.
namespace sluice {
namespace {

constexpr std::size_t readable_behind = 64;            ///< simdjson reads ahead
constexpr std::size_t first_reservation = 256 * 1024;  ///< an announced length is trusted this far
constexpr milliseconds end_of_body{100};

std::optional<std::uint64_t> announced_length(UpstreamHead const& head) {
    auto const text = find(head.headers, "content-length");
    std::uint64_t length = 0;
    auto const [end, status] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (text.empty() || status != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return length;
}

Error too_large() {
    return {.kind = ErrorKind::upstream_invalid_response, .detail = "the answer is larger than limits.answer"};
}

}  // namespace

Task<Result<>> AttemptRun::relay_answer(Exchange& exchange, UpstreamHead const& head) {
    answered_ = true;
    if (!has_json(head)) {
        Error error{.kind = ErrorKind::upstream_invalid_response, .detail = "the answer's content type is not JSON"};
        co_return std::unexpected(std::move(error));
    }
    auto const limit = run_.snapshot.settings().server.limits.answer_bytes;
    SLUICE_CO_TRY(auto const body, co_await read_whole(exchange, head, limit));
    auto const& provider = *target_.provider->settings;
    SLUICE_CO_TRY(facts_, dialect_->read_answer(run_.request.chat, record_.target_model, provider, body));
    exchange.keep_connection();
    if (money_.is_counted()) {
        SLUICE_CO_CHECK(co_await money_.durable(cancellation()));
    }

    Headers headers;
    headers.reserve(10);
    headers.add("content-type", "application/json");
    headers.add("x-request-id", run_.request.request_id);
    add_headers(headers, head);
    add_upstream_header(headers, "openai-processing-ms", find(head.headers, "openai-processing-ms"));
    if (facts_->usage.source != UsageSource::none) {
        auto const own = facts_->usage.reported_cost ? facts_->usage.reported_cost : sheet_cost_of(facts_->usage);
        if (auto const cost = sum(run_.cost, own)) headers.add("x-sluice-cost-usd", to_usd(*cost));
    }
    cost_is_known();
    auto const pieces = spliced(body, facts_->edits);
    run_.committed = shown_ = true;
    bind_session(facts_->usage.input + facts_->usage.output);
    SLUICE_CO_CHECK(co_await run_.client.answer(200, headers, pieces));
    run_.finished_at = run_.parts.clock.now();
    co_await finish_body(exchange);
    co_return Result<>();
}

/// The whole body: the upstream's own buffer where it came in one piece, else ours.
Task<Result<std::string_view>> AttemptRun::read_whole(Exchange& exchange, UpstreamHead const& head,
                                                      std::uint64_t limit) {
    auto const length = announced_length(head);
    if (length && *length > limit) co_return std::unexpected(too_large());
    while (true) {
        idle_limit_ = after(now_, target_.timeout.idle);
        auto piece = co_await exchange.read(next_look());
        now_ = run_.parts.clock.now();
        if (!piece) {
            if (auto error = failure_of(std::move(piece.error()))) co_return std::unexpected(std::move(*error));
            if (may_talk()) SLUICE_CO_CHECK(co_await run_.stream.keep_alive(now_));
            continue;
        }
        body_ended_ = piece->empty();
        if (body_ended_) break;
        if (body_.empty() && length == piece->size()) co_return *piece;
        if (piece->size() > limit - body_.size()) co_return std::unexpected(too_large());
        auto const wanted = std::max<std::size_t>(piece->size(), length.value_or(0));
        if (body_.empty()) body_.reserve(std::min(wanted, first_reservation) + piece->size() + readable_behind);
        body_ += *piece;
    }
    body_.reserve(body_.size() + readable_behind);
    co_return std::string_view(body_);
}

/// Lets the exchange see the end of the body, so that its connection can be used again. The client has its answer
/// already: whatever happens here is nothing to it.
Task<> AttemptRun::finish_body(Exchange& exchange) {
    if (body_ended_) co_return;
    auto const rest = co_await exchange.read(now_ + end_of_body);
    body_ended_ = rest && rest->empty();
}

}  // namespace sluice

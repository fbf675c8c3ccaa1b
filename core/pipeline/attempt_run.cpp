#include "core/pipeline/attempt_run.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/race.hpp"
#include "core/stream/usage_tally.hpp"

namespace sluice {
namespace {

constexpr std::size_t refusal_size = 64 * 1024;
constexpr milliseconds refusal_time{5'000};

Error timed_out(std::string detail) { return {.kind = ErrorKind::upstream_timeout, .detail = std::move(detail)}; }

std::unexpected<Error> failure(ErrorKind kind, std::string detail) {
    return std::unexpected(Error{.kind = kind, .detail = std::move(detail)});
}

bool is_cancelled(ErrorKind kind) {
    return kind == ErrorKind::client_closed || kind == ErrorKind::server_shutdown ||
           kind == ErrorKind::permission_denied;
}

/// What a client that has seen a part of the answer is told.
Error as_interruption(Error error) {
    bool const says_enough = error.kind == ErrorKind::upstream_timeout || error.kind == ErrorKind::insufficient_quota;
    if (is_cancelled(error.kind) || says_enough) return error;
    return {.kind = ErrorKind::stream_interrupted, .detail = std::move(error.detail)};
}

bool is_compressed(UpstreamHead const& head) {
    auto const coding = find(head.headers, "content-encoding");
    return !coding.empty() && coding != "identity";
}

}  // namespace

AttemptRun::AttemptRun(RequestRun& run, std::size_t candidate, Entry&& entry, AttemptPlan const& plan)
    : run_(run),
      target_(*run.routing.targets[candidate].target),
      follows_session_(run.routing.bound && run.routing.bound->target == candidate),
      pass_(std::move(entry.pass)),
      money_(std::move(entry.money)),
      dialect_(run.parts.dialects(target_.provider->settings->dialect)),
      started_(plan.now),
      now_(plan.now),
      lane_(plan.lane),
      continuation_(plan.continuation) {
    auto const* const credential = pass_.credential();
    record_.provider = target_.provider->settings->name;
    record_.target_model = fill_star(target_.model, run.routing.targets[candidate].star);
    if (credential != nullptr) record_.credential = credential->name;
    record_.reason = plan.reason;
    record_.waited = plan.waited;
    record_.continued = continuation_ != nullptr;
    record_.hedge = plan.is_hedge;
}

AttemptRun::~AttemptRun() {
    if (!concluded_) {
        record_.result = AttemptResult::cancelled;
        record_.uncertain = sent_;
    }
    record_.duration = own_time();
    record_.usage = usage();
    if (record_.usage.source != UsageSource::none) {
        record_.sheet_cost = sheet_cost_of(record_.usage);
        run_.cost = sum(run_.cost, record_.cost());
        run_.sheet_cost = sum(run_.sheet_cost, record_.sheet_cost);
    }
    money_.settle(record_, now_);
    if (may_talk()) add_to(run_.outcome);
    run_.outcome.attempts.push_back(std::move(record_));
}

void AttemptRun::cost_is_known() {
    auto const used = usage();
    if (!money_.is_counted() || used.source == UsageSource::none) return;
    if (auto const cost = used.reported_cost ? used.reported_cost : sheet_cost_of(used)) {
        money_.give_back_rest(*cost, now_);
    }
}

/// What the request as a whole takes from the attempt that counts.
void AttemptRun::add_to(Outcome& outcome) {
    outcome.upstream_time += upstream_time();
    if (decoder_) {
        outcome.reported_model = decoder_->reported_model();
        outcome.finish_reason = decoder_->finish_reason();
    } else if (facts_) {
        outcome.reported_model = std::move(facts_->reported_model);
        outcome.finish_reason = std::move(facts_->finish_reason);
    }
    if (record_.first_token && record_.usage.output > 1) {
        outcome.time_per_output_token = (record_.duration - *record_.first_token) / (record_.usage.output - 1);
    }
}

Task<Result<>> AttemptRun::go() {
    auto result = co_await exchange_answer();
    conclude(result);
    co_return result;
}

Task<Result<>> AttemptRun::exchange_answer() {
    auto const& chat = run_.request.chat;
    auto const& provider = *target_.provider->settings;
    if (dialect_ == nullptr) co_return failure(ErrorKind::internal, "no dialect is called " + provider.dialect);
    TargetView const view{.provider = provider,
                          .model = record_.target_model,
                          .unsupported = run_.unsupported,
                          .continuation = continuation_,
                          .max_output = money_.max_output()};
    SLUICE_CO_TRY(auto encoded, dialect_->encode(chat, view));
    if (money_.is_counted()) {
        SLUICE_CO_CHECK(co_await money_.record(record_, cancellation()));
    }
    record_.adjustments = std::move(encoded.adjustments);
    auto const body = spliced(chat.body, encoded.edits);
    UpstreamCall const call{.provider = provider,
                            .credential = pass_.credential(),
                            .path = encoded.path,
                            .body = body,
                            .body_size = spliced_size(chat.body, encoded.edits),
                            .request_id = run_.request.request_id,
                            .accept = chat.stream ? "text/event-stream" : "application/json",
                            .client_headers = run_.request.forwardable,
                            .timeout = target_.timeout,
                            .deadline = run_.deadline,
                            .cancellation = cancellation()};
    auto called = co_await run_.parts.upstream.call(call);
    now_ = run_.parts.clock.now();
    if (!called) {
        deadline_hit_ = now_ >= run_.deadline;
        co_return std::unexpected(std::move(called.error()));
    }
    sent_ = true;
    auto const exchange = std::move(*called);  // goes before `call` and what that refers to
    record_.reused_connection = exchange->reused_connection();
    record_.connect = exchange->connect_time();

    SLUICE_CO_TRY(auto const* const head, co_await wait_for_head(*exchange));
    record_.upstream_status = head->status;
    record_.upstream_request_id = find(head->headers, "x-request-id").substr(0, 128);
    note_limits(*head);
    if (head->status < 200 || head->status > 299) co_return std::unexpected(co_await read_refusal(*exchange, *head));
    if (is_compressed(*head)) {
        co_return failure(ErrorKind::upstream_invalid_response, "the answer is compressed, unasked");
    }
    if (chat.stream) co_return co_await relay_stream(*exchange, *head);
    co_return co_await relay_answer(*exchange, *head);
}

Task<Result<UpstreamHead const*>> AttemptRun::wait_for_head(Exchange& exchange) {
    auto const& timeout = target_.timeout;
    head_limit_ = after(now_, run_.request.chat.stream ? timeout.first_token : timeout.whole_answer);
    while (true) {
        auto head = co_await exchange.head(next_look());
        now_ = run_.parts.clock.now();
        if (head) co_return head;
        if (auto error = failure_of(std::move(head.error()))) co_return std::unexpected(std::move(*error));
        if (may_talk()) SLUICE_CO_CHECK(co_await run_.stream.keep_alive(now_));
    }
}

Task<Error> AttemptRun::read_refusal(Exchange& exchange, UpstreamHead const& head) {
    if (head.status < 400) {
        co_return Error{.kind = ErrorKind::upstream_invalid_response,
                        .detail = "the upstream answered " + std::to_string(head.status) + ", which is not followed"};
    }
    // Servers say 408 to a connection that idles, not to a request.
    if (head.status != 408) exchange.keep_connection();
    auto const until = earlier(run_.deadline, now_ + refusal_time);
    bool more = !is_compressed(head);
    while (more) {
        auto piece = co_await exchange.read(until);
        if (!piece && is_cancelled(piece.error().kind)) co_return std::move(piece.error());
        more = piece && !piece->empty() && body_.size() < refusal_size;
        if (more) body_ += piece->substr(0, refusal_size - body_.size());
    }
    now_ = run_.parts.clock.now();
    body_.reserve(body_.size() + 64);
    co_return dialect_->read_error(head.status, head.headers, body_);
}

/// What the provider says is left of the credential's limits.
void AttemptRun::note_limits(UpstreamHead const& head) {
    auto const limits = dialect_->read_limits(head.headers);
    if (limits.empty()) return;
    auto const can_take_over = [this](RoutedTarget const& routed) {
        auto const& other = *routed.target;
        return other.provider != target_.provider && !other.health->view(now_).refuses &&
               other.provider->credentials->any_free(now_);
    };
    auto const& targets = run_.routing.targets;
    bool const somebody = time_to_refill(limits) && std::any_of(targets.begin(), targets.end(), can_take_over);
    pass_.note_limits(limits, somebody ? TargetPass::Elsewhere::somebody : TargetPass::Elsewhere::nobody, now_);
}

/// When to stop waiting for the upstream: at a limit, or to let the client hear something.
Instant AttemptRun::next_look() const {
    auto const limits =
        earlier(earlier(run_.deadline, answered_ ? never : head_limit_), earlier(idle_limit_, rate_limit_));
    auto const own = earlier(limits, start_limit_);
    return may_talk() ? earlier(own, run_.stream.next_comment()) : own;
}

/// What a failed wait for the upstream means; nothing: wait on.
std::optional<Error> AttemptRun::failure_of(Error error) {
    if (error.kind != ErrorKind::upstream_timeout) return error;
    return passed_limit();
}

std::optional<Error> AttemptRun::passed_limit() {
    if (now_ >= run_.deadline) {
        deadline_hit_ = true;
        return timed_out(run_.deadline_is_clients ? "the client's own timeout" : "the request's total time");
    }
    if (!answered_ && now_ >= head_limit_) {
        return timed_out(run_.request.chat.stream ? "no first token in time" : "no answer in time");
    }
    if (now_ >= idle_limit_) return timed_out("the upstream fell silent");
    if (now_ >= rate_limit_) return timed_out("the upstream sends too slowly");
    if (now_ >= start_limit_) return timed_out("the stream starts too slowly");
    return std::nullopt;
}

void AttemptRun::conclude(Result<>& result) {
    concluded_ = true;
    if (result) {
        record_.result = AttemptResult::ok;
        pass_.succeeded(started_, now_);
        add_sample(Verdict::success);
        return remember_session(true);
    }
    now_ = run_.parts.clock.now();
    auto& error = result.error();
    auto verdict = verdict_of(error.kind);
    // A client's impatience, or an answer longer than a request may last, says nothing about the target.
    if (deadline_hit_ && (run_.deadline_is_clients || run_.committed)) verdict = Verdict::silent;
    auto const rest = pass_.failed(error, verdict, now_, run_.parts.clock.random());
    add_sample(verdict);
    if (describe(error.kind).fault == Fault::upstream) remember_session(false);
    bool const beaten = lane_ != nullptr && cancellation().reason() == CancelReason::beaten;
    if (beaten && !record_.first_token) {  // so late at least: without these the late ones would be missing
        record_.first_token = own_time();
        add_sample(Verdict::success);
        record_.first_token.reset();
    }
    if (rest && error.kind == ErrorKind::upstream_rate_limited && !error.retry_after) error.retry_after = rest;
    record_.uncertain = uncertain_after(error);
    if (shown_) {
        // What a provider refuses, a content filter say, is nobody else's to go on with.
        bool const refused = describe(error.kind).fault == Fault::caller;
        run_.cut.reset();
        if (auto seen = decoder_ && !refused ? decoder_->continuation() : std::nullopt) {
            run_.cut = std::make_unique<Continuation>(*std::move(seen));
        }
        error = as_interruption(std::move(error));
    }
    record_.result = classify_attempt(error);
    auto const& why = error.detail.empty() ? error.message : error.detail;
    record_.reason += "; ";
    record_.reason += why.empty() ? describe(error.kind).message : std::string_view(why);
}

/// What the choice for later requests learns from this one. The pass has told the breaker already.
void AttemptRun::add_sample(Verdict verdict) {
    if (verdict == Verdict::silent) return;
    AttemptSample sample{.verdict = verdict, .first_token = record_.first_token, .duration = now_ - started_};
    if (verdict == Verdict::success && record_.result == AttemptResult::ok) {
        auto const used = usage();
        sample.input_tokens = used.input;
        sample.output_tokens = used.output;
        sample.cached_tokens = used.cached_input;
        sample.resumed_session = follows_session_;
    }
    target_.health->add(sample, now_);
}

/// The next request of this session should come here again, where so many tokens may be cached.
void AttemptRun::bind_session(std::int64_t tokens) {
    auto const session = run_.routing.session;
    if (session == 0) return;
    has_bound_ = true;
    auto const* const credential = pass_.credential();
    run_.snapshot.sessions().bind(
        session,
        {.target = SessionTable::key_of(target_.name),
         .credential = credential ? SessionTable::key_of(credential->name) : 0,
         .tokens = tokens,
         .complexity = run_.classified ? std::optional(run_.classified->complexity) : std::nullopt,
         .expires = now_ + run_.model->settings->affinity.keep},
        now_);
}

/// Bound already: the client's next request may come before this one is concluded. Now more is known.
void AttemptRun::remember_session(bool served) {
    if (served) {
        auto const used = usage();
        bind_session(used.input + used.output);
    } else if (run_.routing.session != 0 && (follows_session_ || has_bound_)) {
        run_.snapshot.sessions().forget(run_.routing.session);
    }
}

bool AttemptRun::is_alone() const { return lane_ == nullptr || lane_->is_alone(); }

/// Is this the attempt that the client hears? Of several in a race it is one, from its claim on.
bool AttemptRun::may_talk() const { return lane_ == nullptr || lane_->has_claimed(); }

Cancellation& AttemptRun::cancellation() const { return lane_ ? lane_->cancellation() : run_.cancellation; }

/// What the client has waited for upstreams since the attempt, or the race that it is in, began.
Duration AttemptRun::upstream_time() const { return now_ - (lane_ ? lane_->race_started() : started_); }

/// From here on the client hears this attempt, unless another one was faster.
Task<Result<>> AttemptRun::claim() {
    if (lane_ == nullptr) co_return Result<>();
    SLUICE_CO_TRY(bool const first, co_await lane_->claim());
    if (!first) co_return std::unexpected(cancelled_error(CancelReason::beaten));
    co_return Result<>();
}

/// The request went out whole, and nothing tells whether the upstream charges for it.
bool AttemptRun::uncertain_after(Error const& error) const {
    bool const refused = record_.upstream_status >= 300;
    if (!sent_ || refused || shown_) return false;
    switch (error.kind) {
        case ErrorKind::upstream_timeout:
        case ErrorKind::upstream_unavailable:
        case ErrorKind::upstream_invalid_response:
        case ErrorKind::stream_interrupted:
        case ErrorKind::client_closed:
        case ErrorKind::server_shutdown:
        case ErrorKind::permission_denied:
            return true;
        default:
            return false;
    }
}

/// What the provider says; else an estimate where the client saw a part, or where nobody waited for the end.
Usage AttemptRun::usage() const {
    if (facts_) return facts_->usage;
    if (decoder_) {
        auto usage = decoder_->usage();
        // Counted by its text; no answer is longer than what was asked for.
        if (usage.source == UsageSource::estimated) usage.output = std::min(usage.output, longest_output());
        if (shown_ || usage.source == UsageSource::provider) return usage;
    }
    bool const given_up = record_.result == AttemptResult::cancelled && record_.uncertain;
    return given_up ? UsageTally(run_.request.chat.prompt_bytes).usage() : Usage{};
}

/// Of all choices, in tokens.
std::int64_t AttemptRun::longest_output() const {
    auto const& chat = run_.request.chat;
    auto const each = money_.max_output() ? money_.max_output() : chat.max_output_tokens;
    if (!each) return std::numeric_limits<std::int64_t>::max();
    return *each * std::max<std::int64_t>(chat.choices, 1);
}

std::optional<NanoUsd> AttemptRun::sheet_cost_of(Usage const& usage) const {
    auto const* const price = run_.snapshot.price_of(target_, record_.target_model);
    return price ? std::optional(cost_of(usage, *price)) : std::nullopt;
}

void AttemptRun::add_headers(Headers& headers, UpstreamHead const& head) const {
    auto const upstream = run_.outcome.upstream_time + upstream_time();
    auto const now = run_.parts.clock.now();
    auto const spent = now - run_.request.received_at;
    AnswerTiming const timing{.own = spent - upstream, .upstream = upstream, .first_token = run_.outcome.first_token};
    auto const beside = lane_ ? lane_->others() : 0;
    add_route_headers(headers, &record_, run_.outcome.tries() + beside + 1, timing);
    add_upstream_header(headers, "x-upstream-request-id", record_.upstream_request_id);
    if (run_.request.chat.steering_ignored) headers.add("x-sluice-ignored", "steering");
    if (auto const most = money_.max_output()) headers.add_number("x-sluice-max-tokens", *most);
    run_.add_limits(headers, now);
    if (run_.request.wants_receipt) add_receipt(headers, record_.adjustments);
    for (auto const& name : target_.provider->settings->answer_headers) {
        add_upstream_text(headers, name, find(head.headers, name));
    }
}

}  // namespace sluice

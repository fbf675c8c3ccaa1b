#include "core/pipeline/request_run.hpp"

#include <algorithm>

#include "core/pipeline/answer_headers.hpp"
#include "core/pipeline/lease_wait.hpp"
#include "core/pipeline/limit_error.hpp"

namespace sluice {
namespace {

void add(Usage& sum, Usage const& usage) {
    sum.input += usage.input;
    sum.output += usage.output;
    sum.cached_input += usage.cached_input;
    sum.cache_write += usage.cache_write;
    sum.reasoning += usage.reasoning;
    sum.audio_input += usage.audio_input;
    sum.audio_output += usage.audio_output;
    sum.source = std::max(sum.source, usage.source);  // a sum with an estimate in it is an estimate
    if (usage.reported_cost)
        sum.reported_cost = NanoUsd{sum.reported_cost.value_or(NanoUsd{}).count + usage.reported_cost->count};
}

}  // namespace

Error cancelled_error(CancelReason reason) {
    if (reason == CancelReason::server_shutdown) return {.kind = ErrorKind::server_shutdown};
    if (reason == CancelReason::revoked)
        return {.kind = ErrorKind::permission_denied, .message = "an administrator ended this request"};
    if (reason == CancelReason::beaten)
        return {.kind = ErrorKind::client_closed, .detail = "another attempt was faster"};
    return {.kind = ErrorKind::client_closed};
}

RequestRun::RequestRun(PipelineParts pipeline_parts, ClientRequest const& client_request,
                       Snapshot const& snapshot_in_force, ReplySink& reply, Cancellation& cancel)
    : parts(pipeline_parts),
      request(client_request),
      snapshot(snapshot_in_force),
      client(reply),
      cancellation(cancel),
      stream(reply, request.chat, snapshot.settings().server.stream, request.received_at, request.request_id) {
    outcome.request_id = request.request_id;
    outcome.method = request.method;
    outcome.route = request.route;
    outcome.client = request.client;
    outcome.caller = request.caller.name;
    outcome.requested_model = request.chat.requested_model;
    outcome.model = "other";
    outcome.stream = request.chat.stream;
    outcome.status = 499;  // until the client got something
    outcome.bytes_in = request.bytes_in;
    outcome.started_at = request.started_at;
}

void RequestRun::routed(Routing gathered) {
    routing = std::move(gathered);
    model = routing.model;
    outcome.model = model->settings->name;
    unsupported = request.unsupported.value_or(model->settings->unsupported);
    deadline = after(request.received_at, model->settings->timeout.total);
    if (!request.client_timeout || *request.client_timeout <= milliseconds::zero()) return;
    auto const clients = request.received_at + *request.client_timeout;
    deadline_is_clients = clients <= deadline;
    deadline = earlier(deadline, clients);
}

bool RequestRun::try_admit(Instant now) {
    return admission.admit(parts.accounting.limits, request, *model, time_at(now)).has_value();
}

Task<Result<>> RequestRun::admit(Instant now) {
    LeaseWait wait(parts.accounting, parts.clock, cancellation);
    while (true) {
        auto const admitted = admission.admit(parts.accounting.limits, request, *model, time_at(now));
        if (admitted) co_return Result<>();
        SLUICE_CO_TRY(bool const more, co_await wait.more(admitted.error().lease_short));
        if (!more) co_return std::unexpected(limit_error(admitted.error()));
        now = parts.clock.now();
    }
}

WallTime RequestRun::time_at(Instant now) const {
    return std::chrono::floor<milliseconds>(request.started_at + (now - request.received_at));
}

Headers RequestRun::error_headers_so_far() {
    auto const now = parts.clock.now();
    auto const spent = now - request.received_at;
    AnswerTiming const timing{.own = spent - outcome.upstream_time, .upstream = outcome.upstream_time};
    Headers headers;
    headers.reserve(9);
    headers.add("x-request-id", request.request_id);
    add_route_headers(headers, outcome.last_attempt(), outcome.tries(), timing);
    if (request.chat.steering_ignored) headers.add("x-sluice-ignored", "steering");
    add_limits(headers, now);
    return headers;
}

void RequestRun::add_limits(Headers& headers, Instant now) const {
    if (parts.accounting.limits != nullptr) {
        add_limit_headers(headers, *parts.accounting.limits, payers(), time_at(now));
    }
}

RequestRun::~RequestRun() {
    auto const end = finished_at ? *finished_at : parts.clock.now();
    for (auto const& attempt : outcome.attempts) add(outcome.usage, attempt.usage);
    if (outcome.usage.source != UsageSource::none) {
        outcome.cost = cost;
        outcome.sheet_cost = sheet_cost;
    }
    admission.settle(request, outcome.usage.input + outcome.usage.output, time_at(end));
    if (outcome.status == 499 && !outcome.error) outcome.error = cancelled_error(cancellation.reason());
    bool const gone = outcome.error && outcome.error->kind == ErrorKind::client_closed;
    outcome.client_left = !finished_at && (gone || cancellation.reason() == CancelReason::client_left);
    outcome.bytes_out = client.bytes_out();
    outcome.stream_started = stream.opened();
    outcome.duration = end - request.received_at;
    parts.recorder.record(outcome);
    if (request.also != nullptr) request.also->record(outcome);
}

}  // namespace sluice

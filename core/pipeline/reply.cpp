#include "core/pipeline/reply.hpp"

#include <algorithm>

namespace sluice {
namespace {

/// Waiting is what helps, and nothing of ours was tried in vain.
bool wait_helps(ErrorKind kind) {
    return kind == ErrorKind::overloaded || kind == ErrorKind::server_shutdown ||
           kind == ErrorKind::no_upstream_available || kind == ErrorKind::ledger_unavailable;
}

bool bounded_wait_helps(ErrorKind kind) {
    return kind == ErrorKind::rate_limit_exceeded || kind == ErrorKind::upstream_rate_limited ||
           kind == ErrorKind::upstream_overloaded;
}

std::int64_t whole_seconds(milliseconds wait, double random) {
    auto const spread = static_cast<double>(wait.count()) * (1.0 + 0.2 * random);
    return std::max((wait.count() + 999) / 1000, (static_cast<std::int64_t>(spread) + 500) / 1000);
}

}  // namespace

bool should_retry(Error const& error) {
    if (wait_helps(error.kind) || error.kind == ErrorKind::request_timeout) return true;
    return bounded_wait_helps(error.kind) && error.retry_after.has_value();
}

std::optional<milliseconds> advised_wait(Error const& error) {
    auto const status = status_of(error);
    if (status != 429 && status != 503) return std::nullopt;
    if (error.retry_after) return std::max(*error.retry_after, milliseconds(1));
    return wait_helps(error.kind) ? std::optional<milliseconds>(seconds(1)) : std::nullopt;
}

Headers error_headers(Error const& error, Headers common, double random) {
    common.reserve(common.size() + 4);
    common.add("content-type", "application/json");
    common.add("x-should-retry", should_retry(error) ? "true" : "false");
    if (auto const wait = advised_wait(error)) {
        common.add("retry-after", std::to_string(whole_seconds(*wait, random)));
        common.add("retry-after-ms", std::to_string(wait->count()));
    }
    return common;
}

Task<Result<>> answer_error(ReplySink& sink, Error const& error, Headers common, double random) {
    auto const body = to_error_body(error);
    auto const headers = error_headers(error, std::move(common), random);
    std::string_view const piece = body;
    Pieces const pieces(&piece, 1);
    co_return co_await sink.answer(status_of(error), headers, pieces);
}

void record_served(Recorder& recorder, ServedElsewhere served, Instant now) {
    Outcome outcome;
    outcome.request_id = std::move(served.request_id);
    outcome.method = std::move(served.method);
    outcome.route = served.route;
    outcome.client = std::move(served.client);
    outcome.caller = std::move(served.caller);
    outcome.requested_model = std::move(served.requested_model);
    outcome.model = "other";
    outcome.stream = served.stream;
    outcome.status = served.status != 0 ? served.status : served.error ? status_of(*served.error) : 200;
    outcome.client_left = served.error && served.error->kind == ErrorKind::client_closed;
    outcome.error = std::move(served.error);
    outcome.bytes_in = served.bytes_in;
    outcome.bytes_out = served.bytes_out;
    outcome.started_at = served.started_at;
    outcome.duration = now - served.received_at;
    recorder.record(outcome);
}

}  // namespace sluice

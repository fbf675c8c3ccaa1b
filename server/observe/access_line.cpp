#include "server/observe/access_line.hpp"

#include "server/observe/access_text.hpp"
#include "server/observe/line_buffer.hpp"
#include "server/observe/registry.hpp"

namespace sluice::observe {
namespace {

std::string_view level_of(int status) {
    if (status >= 500) return "error";
    return status >= 400 ? "warning" : "info";
}

void append_attempt(LineBuffer& out, Attempt const& attempt) {
    JsonLine line(out);
    line.text("provider", attempt.provider);
    line.text("model", attempt.target_model);
    line.text_if_any("credential", attempt.credential);
    line.plain("result", to_string(attempt.result));
    if (attempt.upstream_status != 0) line.number("status", attempt.upstream_status);
    line.ms("ms", attempt.duration);
    if (attempt.classifies) line.flag("classifier", true);
    if (attempt.hedge) line.flag("hedge", true);
    if (attempt.continued) line.flag("continued", true);
    if (attempt.uncertain) line.flag("uncertain", true);
    line.text_if_any("reason", attempt.reason);
    line.text_if_any("upstream_request_id", attempt.upstream_request_id);
    line.end();
}

void append_adjustments(LineBuffer& out, std::vector<Adjustment> const& adjustments) {
    out.raw("[");
    for (auto const& adjustment : adjustments) {
        if (&adjustment != adjustments.data()) out.raw(",");
        JsonLine line(out);
        line.text("field", adjustment.field);
        line.plain("change", to_string(adjustment.kind));
        line.plain("severity", to_string(adjustment.severity));
        line.end();
    }
    out.raw("]");
}

void append_attempts(LineBuffer& out, std::vector<Attempt> const& attempts) {
    out.raw("[");
    for (auto const& attempt : attempts) {
        if (&attempt != attempts.data()) out.raw(",");
        append_attempt(out, attempt);
    }
    out.raw("]");
}

void add_request(JsonLine& line, Outcome const& outcome) {
    line.text("request_id", outcome.request_id);
    line.text("method", outcome.method);
    line.text("route", outcome.route);
    line.number("status", outcome.status);
    if (outcome.error) {
        line.plain("error_type", error_label(outcome.error->kind));
        line.text("error_code", code_of(*outcome.error));
    }
    line.text("client_ip", outcome.client.ip);
    line.text_if_any("user_agent", outcome.client.user_agent);
    line.text_if_any("sdk", outcome.client.sdk);
    if (outcome.client.retry_count > 0) line.number("retry_count", outcome.client.retry_count);
    line.text_if_any("key", outcome.caller);
    if (outcome.mirror == Mirror::copy) line.flag("mirror", true);
}

void add_model(JsonLine& line, Outcome const& outcome, ObserveSettings const& settings) {
    if (auto const operation = operation_of(outcome.route); !operation.empty()) {
        line.plain("gen_ai.operation.name", operation);
    }
    line.text_if_any("gen_ai.request.model", outcome.requested_model);
    line.text_if_any("sluice.model", outcome.model);
    line.text_if_any("gen_ai.response.model", outcome.reported_model);
    if (auto const* last = outcome.last_attempt()) {
        line.text("gen_ai.provider.name", settings.flavour_of(last->provider));
        line.text("sluice.provider", last->provider);
    }
    line.flag("stream", outcome.stream);
    if (outcome.attempts.empty()) return;
    append_attempts(line.begin("attempts"), outcome.attempts);
    line.done();
    if (auto const& made = outcome.attempts.back().adjustments; !made.empty()) {
        append_adjustments(line.begin("adjustments"), made);
        line.done();
    }
}

void add_usage(JsonLine& line, Outcome const& outcome) {
    auto const& usage = outcome.usage;
    if (usage.source != UsageSource::none) {
        line.number("gen_ai.usage.input_tokens", usage.input);
        if (usage.cached_input != 0) line.number("gen_ai.usage.cache_read.input_tokens", usage.cached_input);
        if (usage.cache_write != 0) line.number("gen_ai.usage.cache_creation.input_tokens", usage.cache_write);
        line.number("gen_ai.usage.output_tokens", usage.output);
        if (usage.reasoning != 0) line.number("gen_ai.usage.reasoning.output_tokens", usage.reasoning);
    }
    line.plain("usage_source", to_string(usage.source));
    if (outcome.cost) {
        line.begin("cost_usd").usd(*outcome.cost);
        line.done();
    }
    if (!outcome.finish_reason.empty()) {
        line.begin("finish_reasons").raw("[").json_text(outcome.finish_reason).raw("]");
        line.done();
    }
}

void add_times(JsonLine& line, Outcome const& outcome) {
    line.number("bytes_in", outcome.bytes_in);
    line.number("bytes_out", outcome.bytes_out);
    line.ms("duration_ms", outcome.duration);
    line.ms("overhead_ms", outcome.duration - outcome.upstream_time);
    if (outcome.first_token) line.ms("ttft_ms", *outcome.first_token);
    if (outcome.time_per_output_token) line.ms("tpot_ms", *outcome.time_per_output_token);
    line.flag("client_aborted", outcome.client_left);
}

void append_json(LineBuffer& out, Outcome const& outcome, ObserveSettings const& settings, Timestamp& timestamp) {
    JsonLine line(out);
    line.begin("ts").raw("\"");
    timestamp.append(out, end_of(outcome));
    out.raw("\"");
    line.done();
    line.plain("level", level_of(outcome.status));
    line.plain("msg", "request");
    add_request(line, outcome);
    add_model(line, outcome, settings);
    add_usage(line, outcome);
    add_times(line, outcome);
    if (!outcome.decision.empty()) {
        line.begin("decision").raw(outcome.decision);  // JSON already
        line.done();
    }
    line.end();
    out.raw("\n");
}

}  // namespace

void append_access_line(LineBuffer& out, Outcome const& outcome, ObserveSettings const& settings, Timestamp& timestamp,
                        LineStyle style) {
    if (style == LineStyle::json) {
        append_json(out, outcome, settings, timestamp);
    } else {
        append_access_text(out, outcome, timestamp, style);
    }
}

}  // namespace sluice::observe

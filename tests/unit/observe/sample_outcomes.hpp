#pragma once

#include <string>

#include "core/pipeline/outcome.hpp"
#include "core/types/settings.hpp"

/// Finished requests as the pipeline records them, for the tests of what is made of them.
namespace sluice::sample {

using std::chrono::microseconds;

inline Settings settings() {
    Settings out;
    out.telemetry.access_log = "none";
    out.telemetry.log_format = LogFormat::json;
    for (char const* name : {"acme", "backup"}) {
        out.providers[name].name = name;
        out.providers[name].dialect = "openai";
    }
    out.hash = "c0ffee";
    return out;
}

inline Attempt good_attempt() {
    Attempt out;
    out.provider = "acme";
    out.target_model = "acme-large-1";
    out.credential = "main";
    out.result = AttemptResult::ok;
    out.upstream_status = 200;
    out.duration = milliseconds(800);
    out.first_token = milliseconds(200);
    out.usage = {.input = 100, .output = 20, .cached_input = 40, .reasoning = 5, .source = UsageSource::provider};
    return out;
}

inline Attempt failed_attempt(AttemptResult result) {
    Attempt out;
    out.provider = "backup";
    out.target_model = "backup-1";
    out.result = result;
    out.upstream_status = result == AttemptResult::server_error ? 500 : 0;
    out.reason = "HTTP 500";
    out.duration = milliseconds(30);
    return out;
}

/// A stream of "smart" by the key "ci" that went well at the first attempt.
inline Outcome stream() {
    auto attempt = good_attempt();
    return {.request_id = "req_1",
            .method = "POST",
            .route = "/v1/chat/completions",
            .client = {.ip = "192.0.2.7", .user_agent = "OpenAI/Python 1.2", .sdk = "python", .retry_count = 0},
            .caller = "ci",
            .requested_model = "smart",
            .model = "smart",
            .stream = true,
            .status = 200,
            .error = {},
            .attempts = {attempt},
            .reported_model = "acme-large-1-0701",
            .finish_reason = "stop",
            .usage = attempt.usage,
            .cost = NanoUsd{1'234'500},
            .bytes_in = 321,
            .bytes_out = 4567,
            .started_at = std::chrono::sys_days(std::chrono::year(2026) / 7 / 1) + milliseconds(1'250),
            .duration = milliseconds(810) + microseconds(120),
            .upstream_time = milliseconds(810),
            .first_token = milliseconds(201),
            .time_per_output_token = milliseconds(30),
            .stream_started = true,
            .client_left = false};
}

/// A request that was refused before anything was tried.
inline Outcome refused(ErrorKind kind) {
    Outcome out;
    out.request_id = "req_2";
    out.method = "POST";
    out.route = "/v1/chat/completions";
    out.client.ip = "192.0.2.7";
    out.model = "other";
    out.error = Error{.kind = kind};
    out.status = status_of(*out.error);
    out.started_at = std::chrono::sys_days(std::chrono::year(2026) / 7 / 1);
    out.duration = microseconds(80);
    return out;
}

}  // namespace sluice::sample

#include <nlohmann/json.hpp>

#include "server/lab/scenario_file.hpp"

namespace sluice::lab {
namespace {

constexpr char const* text = R"json({
"demo": {"ttft": "250ms", "per_token": "uniform(20ms, 60ms)", "tool_calls": 1,
  "text": "Hello! You are talking to the lab, the upstream that ships with Sluice. There is no language model behind it, only a canned text, but everything else is real: your request went through the gateway, was routed to a target, and this answer streams back to you word by word as server-sent events. Put a provider's key into the environment, restart, and the same call reaches a real model. Until then, try the model `echo`, or rehearse an outage with any of the lab's scenarios."},
"echo": {"echo": true, "tool_calls": 1},
"fast": {"precomputed": true, "tokens": 16},
"slow": {"ttft": "lognormal(800ms, 0.5)", "per_token": "lognormal(40ms, 0.6)", "tokens": 80},
"hang": {"header_delay": "forever"},
"late-header": {"header_delay": "2s"},
"late-token": {"ttft": "5s"},
"stall": {"stall_after_events": 6},
"drip": {"drip_bytes": 7, "drip_interval": "5ms", "tokens": 8},
"bytes": {"write_size": 1, "tokens": 8},
"cut": {"cut_after_events": 6}, "cut-mid-event": {"cut_at": 700}, "reset": {"reset_after_events": 6},
"cut-before-token": {"cut_at": 0}, "cut-in-header": {"http_fault": "cut_in_header"},
"comments": {"comments_first": 3, "comment_every": 2, "provider": "Lab", "usage": "always"},
"openrouter": {"provider": "Lab", "usage": "always", "comments_first": 2, "ttft": "120ms", "comment_interval": "40ms"},
"azure": {"placeholder": true, "obfuscation": true},
"deepseek": {"usage": "finish", "comments_first": 1, "comment": ": keep-alive", "reasoning": 6, "blank_first": 2},
"groq": {"usage": "groq"}, "moonshot": {"usage": "choice"}, "perplexity": {"usage": "every", "done": false},
"usage-null": {"usage": "null"}, "usage-missing": {"usage": "missing"}, "usage-duplicate": {"usage": "duplicate"},
"no-done": {"done": false}, "no-finish": {"finish": false}, "no-finish-no-done": {"finish": false, "done": false},
"empty": {"empty": true}, "empty-body": {"body": ""},
"crlf": {"line_end": "crlf"}, "cr": {"line_end": "cr"}, "bom": {"bom": true},
"odd-sse": {"bom": true, "line_end": "crlf", "multi_line": true, "event_lines": true, "id_lines": true,
            "data_space": false, "comments_first": 1},
"no-last-blank": {"last_blank": false},
"wrong-type": {"content_type": "text/html"}, "no-type": {"content_type": null},
"html-200": {"body": "<html><body>It works!</body></html>", "content_type": "text/html"},
"ok-error": {"ok_error": true}, "first-event-error": {"error_after": 0, "error_frame": "plain"},
"mid-error": {"error_after": 5}, "mid-error-plain": {"error_after": 5, "error_frame": "plain"},
"mid-error-string-code": {"error_after": 5, "error_code": "server_error"},
"mid-error-then-done": {"error_after": 5, "error_then_done": true},
"bad-json": {"bad_json_after": 4}, "bad-utf8": {"bad_utf8_after": 4},
"huge-event": {"huge_event": 1500000, "huge_event_at": 3},
"tools": {"tool_calls": 1}, "parallel-tools": {"tool_calls": 2}, "reasoning": {"reasoning": 12},
"refusal": {"refusal": true}, "length": {"finish_reason": "length"}, "filtered": {"finish_reason": "content_filter"},
"error-400": {"status": 400}, "error-401": {"status": 401}, "error-402": {"status": 402},
"error-403": {"status": 403}, "error-404": {"status": 404}, "error-408": {"status": 408},
"error-413": {"status": 413}, "error-422": {"status": 422, "error_shape": "detail_array"},
"error-429": {"status": 429, "retry_form": "seconds"}, "error-500": {"status": 500},
"error-502": {"status": 502, "error_shape": "html"}, "error-503": {"status": 503}, "error-504": {"status": 504, "error_shape": "empty"},
"error-529": {"status": 529, "error_shape": "anthropic"},
"flaky": {"fail_first": 1, "fail_with": {"status": 503}},
"redirect": {"redirect": "http://127.0.0.1:9/elsewhere"},
"interim": {"interim": 3}, "interim-flood": {"interim": 100}, "upgrade": {"http_fault": "switching_protocols"},
"two-lengths": {"http_fault": "two_lengths"}, "length-and-chunked": {"http_fault": "length_and_chunked"},
"bad-chunk": {"http_fault": "bad_chunk_size"}, "nul-header": {"http_fault": "nul_in_header"},
"folded-header": {"http_fault": "folded_header"}, "huge-header": {"http_fault": "huge_header"},
"extra-bytes": {"http_fault": "extra_bytes"}, "extra-answer": {"http_fault": "extra_answer"},
"gzip": {"http_fault": "gzip"},
"closes-idle": {"idle_close": "1ms"}, "dies-on-reuse": {"die_on_request": 2}
})json";

}  // namespace

nlohmann::json builtin_scenarios() { return nlohmann::json::parse(text); }

}  // namespace sluice::lab

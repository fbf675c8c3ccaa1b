"""Every fault of the lab, and what becomes of it: one row each. test_chaos.py plays them, for whole answers and for streams,
before the first token and behind it, with and without another target."""

# What the caller gets when there is nobody else to ask: status and code. With another target it gets that one's answer.
OK = "the answer, from the first target"
INVALID = (502, "upstream_invalid_response")
UNAVAILABLE = (502, "upstream_unavailable")
CUT = (502, "stream_interrupted")
EMPTY = (502, "upstream_empty_answer")
FAILED = (502, "upstream_error")
OVERLOADED = (503, "upstream_overloaded")
TIMEOUT = (504, "upstream_timeout")
AUTH = (502, "upstream_auth")
LIMITED = (429, "rate_limit_exceeded")
QUOTA = (503, "upstream_quota_exhausted")
# The request's own fault: the same with and without another target.
CALLERS = {(400, "invalid_value"), (413, "request_too_large"), (422, "upstream_rejected")}


def http(fault, **more):
    return {"http_fault": fault, **more}


def status(number, **more):
    return {"status": number, **more}


# fault -> options, the outcome of a whole answer, the outcome of a stream
BEFORE = {
    # HTTP
    "two lengths": (http("two_lengths"), INVALID, INVALID),
    "length and chunked": (http("length_and_chunked"), INVALID, INVALID),
    "two codings": (http("two_codings"), INVALID, INVALID),
    "bad chunk size": (http("bad_chunk_size"), INVALID, INVALID),
    "huge chunk size": (http("huge_chunk_size"), INVALID, INVALID),
    "missing chunk end": (http("missing_chunk_end"), INVALID, INVALID),
    "negative length": (http("negative_length"), INVALID, INVALID),
    "NUL in header": (http("nul_in_header"), INVALID, INVALID),
    "folded header": (http("folded_header"), INVALID, INVALID),
    "space before colon": (http("space_before_colon"), INVALID, INVALID),
    "no colon": (http("no_colon"), INVALID, INVALID),
    "huge header": (http("huge_header"), INVALID, INVALID),
    "many headers": (http("many_headers"), INVALID, INVALID),
    "bad status line": (http("bad_status_line"), INVALID, INVALID),
    "bad version": (http("bad_version"), INVALID, INVALID),
    "bare LF": (http("bare_lf"), INVALID, INVALID),
    "switching protocols": (http("switching_protocols"), INVALID, INVALID),
    "gzip": (http("gzip"), INVALID, INVALID),
    "cut in header": (http("cut_in_header"), UNAVAILABLE, UNAVAILABLE),
    "extra bytes": (http("extra_bytes"), OK, OK),
    "extra answer": (http("extra_answer"), OK, OK),
    "extra answer, late": (http("extra_answer", extra_wait="20ms"), OK, OK),
    "a few interim answers": ({"interim": 3, "interim_status": 102}, OK, OK),
    "too many interim answers": ({"interim": 30}, INVALID, INVALID),
    "not HTTP": ({"raw": "SSH-2.0-lab\r\n"}, INVALID, INVALID),
    "nothing but a close": ({"raw": ""}, UNAVAILABLE, UNAVAILABLE),
    "HTML instead of an answer": ({"body": "<html>It works!</html>", "content_type": "text/html"}, INVALID, INVALID),
    "HTML called JSON": ({"body": "<html>It works!</html>", "content_type": "application/json"}, INVALID, INVALID),
    "another type": ({"content_type": "text/plain"}, INVALID, INVALID),
    "no type": ({"content_type": None}, INVALID, INVALID),
    "an empty body": ({"body": ""}, INVALID, EMPTY),
    "a redirect": ({"redirect": "http://127.0.0.1:9/"}, INVALID, INVALID),
    "to the close": ({"framing": "close"}, OK, OK),
    "with a length": ({"framing": "length"}, OK, OK),
    "in chunks of 7 bytes": ({"http_chunk_bytes": 7}, OK, OK),
    "more headers": ({"headers": {"set-cookie": "a=b", "x-odd": "1"}}, OK, OK),
    # pace
    "a header that never comes": ({"header_delay": "forever"}, TIMEOUT, TIMEOUT),
    "a token that never comes": ({"ttft": "forever"}, TIMEOUT, TIMEOUT),
    "silence from the first byte": ({"stall_after_bytes": 0}, TIMEOUT, TIMEOUT),
    "silence inside the first event": ({"stall_after_bytes": 40}, TIMEOUT, TIMEOUT),
    "a pause that is short enough": ({"stall_after_events": 1, "stall": "50ms"}, OK, OK),
    "a header in drips": ({"header_drip": "1ms"}, OK, OK),
    "a body in drips": ({"drip_bytes": 50, "drip_interval": "1ms"}, OK, OK),
    "single bytes": ({"write_size": 1}, OK, OK),
    "pauses between segments": ({"write_size": 100, "write_interval": "1ms"}, OK, OK),
    "a slow start": ({"header_delay": "50ms", "ttft": "50ms", "rate": 500}, OK, OK),
    # the connection
    "cut before the body": ({"cut_at": 0}, CUT, CUT),
    "cut inside the first event": ({"cut_at": 40}, CUT, CUT),
    "reset before the body": ({"reset_at": 0}, {CUT, UNAVAILABLE}, {CUT, UNAVAILABLE}),
    "reset inside the first event": ({"reset_at": 40}, {CUT, UNAVAILABLE}, {CUT, UNAVAILABLE}),
    "cut before the first event": ({"cut_after_events": 0}, CUT, CUT),
    "reset before the first event": ({"reset_after_events": 0}, {CUT, UNAVAILABLE}, {CUT, UNAVAILABLE}),
    "one request for each connection": ({"max_requests": 1}, OK, OK),
    "a silent close behind the answer": ({"silent_close_after": 1}, OK, OK),
    "a close while idle": ({"idle_close": "1ms"}, OK, OK),
    "a close instead of the answer": ({"die_on_request": 1}, UNAVAILABLE, UNAVAILABLE),
    "a reset instead of the answer": ({"die_on_request": 1, "die_with_reset": True}, UNAVAILABLE, UNAVAILABLE),
    "a close instead of the second answer": ({"die_on_request": 2}, OK, OK),
    # what it says
    "nothing": ({"empty": True}, EMPTY, EMPTY),
    "an error called 200": ({"ok_error": True}, FAILED, FAILED),
    "an error, then [DONE]": ({"error_after": 0, "error_frame": "plain", "error_then_done": True}, None, FAILED),
    "broken JSON": ({"bad_json_after": 0}, INVALID, INVALID),
    "broken UTF-8": ({"bad_utf8_after": 0}, None, INVALID),
    "a huge event": ({"huge_event": "2MiB", "huge_event_at": 1}, None, INVALID),
    "events that are no JSON": ({"events": ["not json"]}, None, INVALID),
    "no events": ({"events": []}, None, {EMPTY, CUT}),
    # how a stream looks
    "no usage": ({"usage": "missing"}, OK, OK),
    "usage in every event": ({"usage": "every"}, OK, OK),
    "no [DONE]": ({"done": False}, OK, OK),
    "no finish": ({"finish": False}, OK, OK),
    "CR LF": ({"line_end": "crlf"}, OK, OK),
    "CR": ({"line_end": "cr"}, OK, OK),
    "odd lines": ({"bom": True, "multi_line": True, "event_lines": True, "id_lines": True, "data_space": False}, OK, OK),
    "[DONE] without a space": ({"done_space": False}, OK, OK),
    "no last blank line": ({"last_blank": False}, OK, OK),
    "blank lines first": ({"blank_first": 3}, OK, OK),
    "comments everywhere": ({"comments_first": 3, "comment_every": 1, "comment": ": x"}, OK, OK),
    "comments during silence": ({"ttft": "60ms", "comment_interval": "10ms"}, OK, OK),
    "a placeholder first": ({"placeholder": True, "obfuscation": True}, OK, OK),
    # errors
    **{f"status {number}": (status(number), outcome, outcome) for number, outcome in {
        400: (400, "invalid_value"), 413: (413, "request_too_large"), 422: (422, "upstream_rejected"), 404: (404, "model_not_found"),
        401: AUTH, 403: AUTH, 402: QUOTA, 429: LIMITED, 405: INVALID, 408: FAILED, 409: FAILED, 500: FAILED, 501: FAILED, 502: FAILED,
        503: OVERLOADED, 504: FAILED, 529: OVERLOADED, 301: INVALID, 302: INVALID, 307: INVALID, 308: INVALID}.items()},
    "the first attempt fails": ({"fail_first": 1, "fail_with": {"status": 500}, "key": "FRESH"}, FAILED, FAILED),
    "our key is unknown": ({"accept_keys": ["sk-good"]}, AUTH, AUTH),
}
SHAPES = ["openai", "openrouter", "availability", "alibaba", "moonshot", "flat", "detail", "detail_array", "problem", "array",
          "code_and_text", "text", "fault", "novita", "anthropic", "message", "nested", "html", "empty"]
BEFORE |= {f"status 500 as {shape}": (status(500, error_shape=shape), FAILED, FAILED) for shape in SHAPES}
RETRY_FORMS = ["seconds", "decimal", "date", "ms", "x_ms", "reset", "body"]
BEFORE |= {f"status 429 with {form}": (status(429, retry_form=form, retry_after="30s"), LIMITED, LIMITED) for form in RETRY_FORMS}
FRAMES = ["openrouter", "plain", "text", "ndjson", "event"]
BEFORE |= {f"an error first, as {frame}": ({"error_after": 0, "error_frame": frame}, None, FAILED) for frame in FRAMES}

# A stream that fails behind its first token: the code of its error event. Nothing is tried elsewhere.
AFTER = {
    "cut": ({"cut_after_events": 4}, "stream_interrupted"),
    "cut inside an event": ({"cut_at": 1300}, "stream_interrupted"),
    "reset": ({"reset_after_events": 4}, "stream_interrupted"),
    "reset inside an event": ({"reset_at": 1300}, "stream_interrupted"),
    "silence": ({"stall_after_events": 4}, "upstream_timeout"),
    "silence inside an event": ({"stall_after_bytes": 1300}, "upstream_timeout"),
    "broken JSON": ({"bad_json_after": 4}, "stream_interrupted"),
    "broken UTF-8": ({"bad_utf8_after": 4}, "stream_interrupted"),
    "a huge event": ({"huge_event": "2MiB", "huge_event_at": 4}, "stream_interrupted"),
    "bad chunk size": (http("bad_chunk_size", http_fault_at=5), "stream_interrupted"),
    "huge chunk size": (http("huge_chunk_size", http_fault_at=5), "stream_interrupted"),
    "missing chunk end": (http("missing_chunk_end", http_fault_at=5), "stream_interrupted"),
    "neither finish nor [DONE]": ({"finish": False, "done": False}, "stream_interrupted"),
    "an error, then [DONE]": ({"error_after": 4, "error_then_done": True}, "stream_interrupted"),
    **{f"an error as {frame}": ({"error_after": 4, "error_frame": frame}, "stream_interrupted") for frame in FRAMES},
}

# Options of the lab that change what a good answer says, but are no fault; a share of failures is in test_drills.py.
HARMLESS = {"text", "echo", "tokens", "answer_bytes", "chunk_bytes", "tokens_per_chunk", "reasoning", "reasoning_field", "tool_calls",
            "tool_arguments", "tool_quirk", "finish_reason", "report_model", "provider", "refusal", "precomputed", "per_token",
            "error_message", "error_type", "error_code", "error_param", "keys", "fail_ratio",
            # other forms of the same answer: test_providers.py
            "reasoning_form", "reasoning_open", "reasoning_close", "reasoning_details", "tool_id", "finish_reasons", "cached", "extra",
            "omit", "omit_nulls", "chunks_first", "cumulative"}
# These count all calls, and stand beside the row's own key.
FOR_ALL = {"fail_first", "accept_keys"}

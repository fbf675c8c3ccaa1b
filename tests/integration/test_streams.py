"""Clean event streams: what the client sees of an upstream's habits and failures."""

import re
import time

import pytest
from harness import FORGIVING, Gateway, ask, chat_body, config, parse_events, request_bytes, wait_until

HABITS = ["fast", "comments", "openrouter", "azure", "deepseek", "groq", "moonshot", "usage-null", "usage-missing",
          "usage-duplicate", "crlf", "cr", "bom", "odd-sse", "bytes", "drip", "no-last-blank", "interim", "reasoning", "length",
          "no-finish"]
# Failures behind the first token. Each must end in exactly one error event.
AFTER_COMMIT = ["cut", "cut-mid-event", "reset", "mid-error", "mid-error-plain", "mid-error-string-code", "mid-error-then-done",
                "bad-json", "bad-utf8", "huge-event", "no-finish-no-done"]


@pytest.fixture(scope="module")
def silent(folder, lab):
    """A gateway that opens a stream soon and says `: keep-alive` often, and gives up early."""
    server = {"stream": {"header_grace": "300ms", "keep_alive": "200ms"}}
    defaults = FORGIVING | {"timeout": {"first_token": "30s", "idle": "1500ms"}}
    with Gateway(folder, config(lab, server=server, defaults=defaults), name="silent") as running:
        yield running


@pytest.mark.parametrize("model", HABITS)
def test_a_stream_is_clean_whatever_the_upstreams_habits(gateway, model):
    answer = gateway.chat(model, stream=True)
    assert (answer.status, answer.complete, answer.finished) == (200, True, True)
    assert answer.header("content-type").startswith("text/event-stream")
    assert answer.header("cache-control") == "no-store"
    assert answer.header("x-accel-buffering") == "no"
    assert answer.body.count(b"[DONE]") == 1
    assert b"PROCESSING" not in answer.body, "an upstream's comment reached the client"
    assert answer.content
    reasons = [choice.get("finish_reason") for event in answer.events for choice in event["choices"]]
    assert [reason for reason in reasons if reason] in (["stop"], ["length"])
    assert all("usage" not in event or event["usage"] is None for event in answer.events), "usage that nobody asked for"
    assert all(event["choices"] or "prompt_filter_results" in event for event in answer.events), "an empty chunk"


@pytest.mark.parametrize("model", ["fast", "comments", "groq", "moonshot", "deepseek", "usage-missing", "usage-duplicate"])
def test_usage_is_there_once_if_asked(gateway, model):
    answer = gateway.chat(model, stream=True, stream_options={"include_usage": True})
    usages = [event["usage"] for event in answer.events if event.get("usage")]
    assert len(usages) == 1, usages
    assert usages[0]["prompt_tokens"] > 0 and usages[0]["completion_tokens"] > 0
    assert answer.events[-1]["choices"] == [] and answer.events[-1]["usage"]


def test_usage_is_always_asked_upstream(gateway, lab):
    gateway.chat(stream=True)
    assert lab.last()["body"]["stream_options"]["include_usage"] is True
    gateway.chat(stream=False)
    assert "stream_options" not in lab.last()["body"]


def test_usage_reaches_the_log_though_nobody_asked(gateway):
    answer = gateway.chat(stream=True)
    entry = gateway.logged(answer.header("x-request-id"))
    assert entry["gen_ai.usage.output_tokens"] > 0 and entry["usage_source"] == "provider"


def test_usage_that_the_provider_does_not_give_is_counted_and_marked(gateway):
    answer = gateway.chat("usage-missing", stream=True)
    entry = gateway.logged(answer.header("x-request-id"))
    assert entry["gen_ai.usage.output_tokens"] > 0
    assert entry["usage_source"] not in ("provider", "none")


def test_chunks_arrive_as_they_are_made(gateway):
    answer = gateway.chat(stream=True, lab={"per_token": "40ms", "tokens": 10})
    times = [seconds for seconds, _ in answer.pieces]
    assert len(times) >= 8
    assert times[-1] - times[0] > 0.2, "the stream was held back"


def test_several_choices_and_tools_stay_intact(gateway):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}}
    answer = gateway.chat("parallel-tools", stream=True, tools=[tool])
    calls = [call for event in answer.events for choice in event["choices"] for call in choice["delta"].get("tool_calls", [])]
    assert {call["index"] for call in calls} == {0, 1}
    assert answer.finished


@pytest.mark.parametrize("model", AFTER_COMMIT)
def test_a_failure_after_the_first_token_is_one_error_event(gateway, model):
    with gateway.raw() as connection:
        body = chat_body(model, stream=True, lab={"per_token": "15ms"})  # so that the first token is out when it fails
        answer = connection.send(request_bytes("POST", "/v1/chat/completions", body=body)).read()
        assert answer.status == 200
        assert answer.complete, "the chunked body must end correctly"
        assert connection.at_end()
    events = answer.events
    errors = [event for event in events if "error" in event]
    assert len(errors) == 1 and "error" in events[-1], events[-3:]
    assert b"[DONE]" not in answer.body
    assert any(choice["delta"].get("content") for event in events[:-1] for choice in event["choices"]), "nothing before it"
    error = errors[0]["error"]
    assert error["message"] and error["type"] and error["code"]
    assert not any(choice.get("finish_reason") in ("stop", "length") for event in events for choice in event.get("choices", []))
    entry = gateway.logged(answer.header("x-request-id"))
    assert entry["attempts"][-1]["result"] != "ok"


def test_a_cut_stream_says_so_by_its_code(gateway):
    error = gateway.chat("cut", stream=True, lab={"per_token": "15ms"}).events[-1]["error"]
    assert error["code"] == "stream_interrupted"


def test_a_missing_done_is_mended_where_the_answer_was_finished(gateway):
    answer = gateway.chat("no-done", stream=True)
    assert answer.finished, "finish_reason came, so the answer is complete"


def test_a_forgotten_finish_reason_is_added_before_done(gateway):
    answer = gateway.chat("no-finish", stream=True)
    assert answer.finished and answer.events[-1]["choices"] == [{"index": 0, "delta": {}, "finish_reason": "stop"}]


def test_a_silent_upstream_is_bridged_with_comments(silent):
    answer = silent.chat(stream=True, lab={"ttft": "1200ms", "tokens": 4})
    assert answer.status == 200 and answer.finished
    head, _, _ = answer.body.partition(b"data:")
    assert head.count(b": keep-alive") >= 2, head
    assert answer.pieces[0][0] < 1.0, "the stream was not opened after the grace"


def test_fail_over_still_works_behind_a_comment(folder, lab):
    server = {"stream": {"header_grace": "200ms", "keep_alive": "200ms"}}
    models = {"both": {"targets": ["lab/late-token", "lab/fast"], "timeout": {"first_token": "900ms"}}, "fast": "lab/fast"}
    with Gateway(folder, config(lab, server=server, models=models, defaults=FORGIVING), name="grace") as gateway:
        answer = gateway.chat("both", stream=True)
        assert b": keep-alive" in answer.body
        assert answer.finished and answer.content == gateway.chat("fast", stream=True).content


def test_an_upstream_that_falls_silent_is_given_up(silent):
    started = time.monotonic()
    answer = silent.chat("stall", stream=True)
    assert time.monotonic() - started < 6
    assert answer.events[-1]["error"]["code"] in ("stream_interrupted", "upstream_timeout")
    assert b": keep-alive" in answer.body
    assert b"[DONE]" not in answer.body


def test_an_upstream_that_never_answers_is_a_timeout(start, quiet_lab):
    gateway = start(defaults=FORGIVING | {"timeout": {"first_token": "500ms", "whole_answer": "500ms"}, "retry": {"attempts": 0}})
    for stream in (False, True):
        answer = gateway.chat("hang", stream=stream)
        assert (answer.status, answer.error["code"]) == (504, "upstream_timeout")
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 2, 3, what="the lab saw both cancelled")


@pytest.mark.parametrize("header, value", [("x-stainless-timeout", "1"), ("x-stainless-read-timeout", "1")])
def test_the_callers_own_timeout_shortens_ours(gateway, quiet_lab, header, value):
    started = time.monotonic()
    answer = gateway.chat("hang", headers={header: value})
    assert 0.5 < time.monotonic() - started < 4
    assert answer.status == 504
    wait_until(lambda: quiet_lab.stats()["cancelled"] >= 1, 3, what="the lab saw the cancel")


def test_every_byte_of_an_untouched_event_is_kept(gateway, lab):
    own = [{"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "weird": {"e": 1.50, "u": "\u2028é"},
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": "a b"}, "finish_reason": None}]},
           {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
    direct = ask(lab.port, "POST", "/v1/chat/completions", body=chat_body(stream=True, lab={"events": own}))
    answer = gateway.chat(stream=True, lab={"events": own})
    first = re.search(rb"data: [^\n]*weird[^\n]*\n", direct.body)[0]
    assert first in answer.body
    assert parse_events(answer.body)[0]["weird"] == own[0]["weird"]

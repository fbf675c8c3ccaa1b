"""A stream that breaks off behind its first token goes on at a target that continues texts: one stream for the client, two
attempts in the log. docs/guides/continue-after-a-cut.md."""

import json

import pytest
from harness import FORGIVING, Gateway, config, free_port, provider
from scripted import Scripted, chunk, chunks, event, head

STREAM = b"text/event-stream"
CUTS = ["cut", "cut-mid-event", "reset"]  # the lab's
HALF = "The sea was calm, the moon"  # of a scripted one
USAGE = event(b'{"id":"x","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49}}')
PROMPT = "Tell me of the sea."


def saying(*texts, finish="stop", between=b""):
    """A whole stream of another provider, which counts its tokens."""
    events = [event(chunk(text)) for text in texts]
    body = b"".join(events) + between + event(chunk(None, finish)) + USAGE + event(b"[DONE]")
    return head(b"Transfer-Encoding: chunked", kind=STREAM) + chunks(body)


def continuing(name):
    return {"to": f"other/{name}", "capabilities": {"continues_assistant": True}}


def half_said(*texts):
    return head(b"Transfer-Encoding: chunked", kind=STREAM) + chunks(b"".join(event(chunk(text)) for text in texts), end=b"")


@pytest.fixture(scope="module")
def other():
    with Scripted({"half": half_said(HALF[:9], HALF[9:])}, ends={"half": "close"}) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab, other):
    dead = f"http://127.0.0.1:{free_port()}/v1"
    providers = {"lab": provider(lab), "first": other.provider(), "other": other.provider(), "third": other.provider(), "dead": provider(dead)}
    models = {"fast": "lab/fast"}
    for cut in CUTS:
        models["on/" + cut] = {"targets": ["lab/" + cut, continuing("on")], "continue_after_cut": True}
    models["half"] = {"targets": ["first/half", continuing("on")], "continue_after_cut": True}
    models["unknown"] = {"targets": ["first/half", "other/on"], "continue_after_cut": True}
    models["not-asked-for"] = {"targets": ["first/half", continuing("on")]}
    third = {"to": "third/on", "capabilities": {"continues_assistant": True}}
    broken = {"to": "dead/on", "capabilities": {"continues_assistant": True}}
    models["second-dead"] = {"targets": ["first/half", broken, third], "continue_after_cut": True}
    with Gateway(folder, config(lab, models=models, providers=providers, defaults=FORGIVING), name="continue") as running:
        yield running


REST = (" and the tide", " came in.")


def check_one_stream(answer, text):
    assert answer.status == 200 and answer.complete and answer.finished, answer
    assert answer.content == text
    chunks_ = [entry for entry in answer.events if entry.get("choices")]
    assert len({entry["id"] for entry in chunks_}) == 1
    assert len({entry["model"] for entry in chunks_}) == 1
    assert len({entry.get("created") for entry in chunks_}) == 1
    assert sum("role" in entry["choices"][0]["delta"] for entry in chunks_) <= 1
    assert [entry["choices"][0]["finish_reason"] for entry in chunks_ if entry["choices"][0].get("finish_reason")] == ["stop"]


@pytest.mark.parametrize("cut", CUTS)
def test_a_stream_that_is_cut_goes_on_elsewhere(gateway, other, cut):
    other.answers["on"] = saying(*REST)
    before = gateway.metric("sluice_continuations_total", provider="other", outcome="ok")
    answer = gateway.chat("on/" + cut, PROMPT, stream=True)
    asked, said = json.loads(other.requests[-1][2])["messages"]
    assert asked == {"role": "user", "content": PROMPT}
    assert said["role"] == "assistant" and said["content"]
    check_one_stream(answer, said["content"] + "".join(REST))
    entry = gateway.logged(answer.header("x-request-id"))
    first, second = entry["attempts"]
    assert (first["result"], second["result"]) == ("interrupted", "ok")
    assert "continued" not in first and second["continued"] is True
    assert second["reason"].startswith("continued after a cut")
    assert entry["usage_source"] == "counted"  # the first one never reported
    assert gateway.metric("sluice_continuations_total", provider="other", outcome="ok") == before + 1


def test_what_a_target_repeats_is_dropped(gateway, other):
    for repeated in (HALF[-20:], HALF):
        other.answers["on"] = saying(repeated, *REST)
        check_one_stream(gateway.chat("half", PROMPT, stream=True), HALF + "".join(REST))


def test_one_usage_is_told(gateway, other):
    other.answers["on"] = saying(*REST)
    answer = gateway.chat("half", PROMPT, stream=True, stream_options={"include_usage": True})
    usages = [entry["usage"] for entry in answer.events if entry.get("usage")]
    assert len(usages) == 1
    assert usages[0]["completion_tokens"] == 9 + (len(HALF) + 3) // 4
    assert usages[0]["estimated"] is True


def test_the_limit_of_tokens_is_lowered(gateway, other):
    other.answers["on"] = saying(*REST)
    gateway.chat("half", PROMPT, stream=True, max_tokens=500)
    assert json.loads(other.requests[-1][2])["max_tokens"] == 500 - (len(HALF) + 3) // 4


def test_a_dead_target_is_passed_over(gateway, other):
    other.answers["on"] = saying(*REST)
    answer = gateway.chat("second-dead", PROMPT, stream=True)
    check_one_stream(answer, HALF + "".join(REST))
    entry = gateway.logged(answer.header("x-request-id"))
    assert [attempt["result"] for attempt in entry["attempts"]] == ["interrupted", "connect", "ok"]


@pytest.mark.parametrize("model, members", [
    ("unknown", {}), ("not-asked-for", {}),
    ("half", {"response_format": {"type": "json_object"}}),
    ("half", {"messages": [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "The"}]}),
], ids=["target not known", "not opted in", "json", "prefix of the client's"])
def test_otherwise_a_cut_is_an_error(gateway, other, model, members):
    asked = sum('"on"' in body for _, _, body in other.requests)
    answer = gateway.chat(model, PROMPT, stream=True, **members)
    assert not answer.finished and b'"error"' in answer.body
    assert sum('"on"' in body for _, _, body in other.requests) == asked


def test_a_tool_call_in_the_continuation_is_an_error(gateway, other):
    call = event(json.dumps({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]}).encode())
    other.answers["on"] = saying(" and", between=call, finish="tool_calls")
    answer = gateway.chat("half", PROMPT, stream=True)
    assert not answer.finished and b'"error"' in answer.body and b"tool_calls" not in answer.body

"""A stream that breaks off behind its first token goes on at a target that continues texts: one stream for the client, two
attempts in the log. docs/guides/continue-after-a-cut.md."""

import json

import pytest
from harness import FORGIVING, Gateway, config, free_port, provider
from scripted import Scripted, chunk, chunks, event, head

STREAM = b"text/event-stream"
CUTS = ["cut", "cut-mid-event", "reset"]
USAGE = event(b'{"id":"x","choices":[],"usage":{"prompt_tokens":40,"completion_tokens":9,"total_tokens":49}}')
PROMPT = "Tell me of the sea."


def saying(*texts, finish="stop", between=b""):
    """A whole stream of another provider, which counts its tokens."""
    events = [event(chunk(text)) for text in texts]
    body = b"".join(events) + between + event(chunk(None, finish)) + USAGE + event(b"[DONE]")
    return head(b"Transfer-Encoding: chunked", kind=STREAM) + chunks(body)


def continuing(name):
    return {"to": f"other/{name}", "capabilities": {"continues_assistant": True}}


@pytest.fixture(scope="module")
def other():
    with Scripted() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab, other):
    dead = f"http://127.0.0.1:{free_port()}/v1"
    providers = {"lab": provider(lab), "other": other.provider(), "third": other.provider(), "dead": provider(dead)}
    models = {"fast": "lab/fast"}
    for cut in CUTS:
        models["plain/" + cut] = {"targets": ["lab/" + cut]}
        models["on/" + cut] = {"targets": ["lab/" + cut, continuing("on")], "continue_after_cut": True}
    models["unknown"] = {"targets": ["lab/reset", "other/on"], "continue_after_cut": True}
    models["not-asked-for"] = {"targets": ["lab/reset", continuing("on")]}
    third = {"to": "third/on", "capabilities": {"continues_assistant": True}}
    broken = {"to": "dead/on", "capabilities": {"continues_assistant": True}}
    models["second-dead"] = {"targets": ["lab/reset", broken, third], "continue_after_cut": True}
    with Gateway(folder, config(lab, models=models, providers=providers, defaults=FORGIVING), name="continue") as running:
        yield running


@pytest.fixture(scope="module")
def halves(gateway):
    """cut -> what a client sees before it."""
    return {cut: gateway.chat("plain/" + cut, PROMPT, stream=True).content for cut in CUTS}


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
def test_a_stream_that_is_cut_goes_on_elsewhere(gateway, other, halves, cut):
    half = halves[cut]
    assert half
    other.answers["on"] = saying(*REST)
    before = gateway.metric("sluice_continuations_total", provider="other", outcome="ok")
    answer = gateway.chat("on/" + cut, PROMPT, stream=True)
    check_one_stream(answer, half + "".join(REST))
    sent = json.loads(other.requests[-1][2])
    assert sent["messages"] == [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": half}]
    entry = gateway.logged(answer.header("x-request-id"))
    first, second = entry["attempts"]
    assert (first["result"], second["result"]) == ("interrupted", "ok")
    assert "continued" not in first and second["continued"] is True
    assert second["reason"].startswith("continued after a cut")
    assert entry["usage_source"] == "counted"  # the first one never reported
    assert gateway.metric("sluice_continuations_total", provider="other", outcome="ok") == before + 1


def test_what_a_target_repeats_is_dropped(gateway, other, halves):
    half = halves["cut"]
    for repeated in (half[-20:], half):
        other.answers["on"] = saying(repeated, *REST)
        check_one_stream(gateway.chat("on/cut", PROMPT, stream=True), half + "".join(REST))


def test_one_usage_is_told(gateway, other, halves):
    other.answers["on"] = saying(*REST)
    answer = gateway.chat("on/cut", PROMPT, stream=True, stream_options={"include_usage": True})
    usages = [entry["usage"] for entry in answer.events if entry.get("usage")]
    assert len(usages) == 1
    assert usages[0]["completion_tokens"] == 9 + (len(halves["cut"].encode()) + 3) // 4
    assert usages[0]["estimated"] is True


def test_the_limit_of_tokens_is_lowered(gateway, other, halves):
    other.answers["on"] = saying(*REST)
    gateway.chat("on/cut", PROMPT, stream=True, max_tokens=500)
    assert json.loads(other.requests[-1][2])["max_tokens"] == 500 - (len(halves["cut"].encode()) + 3) // 4


def test_a_dead_target_is_passed_over(gateway, other, halves):
    other.answers["on"] = saying(*REST)
    answer = gateway.chat("second-dead", PROMPT, stream=True)
    check_one_stream(answer, halves["reset"] + "".join(REST))
    entry = gateway.logged(answer.header("x-request-id"))
    assert [attempt["result"] for attempt in entry["attempts"]] == ["interrupted", "connect", "ok"]


@pytest.mark.parametrize("model, members", [
    ("unknown", {}), ("not-asked-for", {}),
    ("on/reset", {"response_format": {"type": "json_object"}}),
    ("on/reset", {"messages": [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": "The"}]}),
], ids=["target not known", "not opted in", "json", "prefix of the client's"])
def test_otherwise_a_cut_is_an_error(gateway, other, model, members):
    asked = len(other.requests)
    answer = gateway.chat(model, PROMPT, stream=True, **members)
    assert not answer.finished and b'"error"' in answer.body
    assert len(other.requests) == asked


def test_a_tool_call_in_the_continuation_is_an_error(gateway, other, halves):
    call = event(json.dumps({"id": "x", "choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}}]}).encode())
    other.answers["on"] = saying(" and", between=call, finish="tool_calls")
    answer = gateway.chat("on/cut", PROMPT, stream=True)
    assert not answer.finished and b'"error"' in answer.body and b"tool_calls" not in answer.body

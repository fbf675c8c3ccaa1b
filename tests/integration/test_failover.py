"""Until the first token reaches the client every failure is invisible: the next target takes over."""

import time

import pytest
from harness import FORGIVING, Gateway, config, free_port, isolated, provider

# Every way in which the lab fails before its first token.
BEFORE_COMMIT = [
    "cut-before-token", "cut-in-header", "first-event-error", "ok-error", "html-200", "wrong-type", "empty", "empty-body",
    "error-401", "error-402", "error-403", "error-408", "error-429", "error-500", "error-502", "error-503", "error-504", "error-529",
    "redirect", "interim-flood", "upgrade", "two-lengths", "length-and-chunked", "bad-chunk", "nul-header", "folded-header",
    "huge-header", "gzip",
]
ONLY_STREAMS = {"first-event-error"}
CALLERS_FAULT = ["error-400", "error-413", "error-422"]


@pytest.fixture(scope="module")
def pair(folder, lab):
    """A gateway whose models fail over from a faulty target to a good one."""
    names = [*BEFORE_COMMIT, *CALLERS_FAULT, "late-token", "hang", "flaky", "no-type"]
    dead = f"http://127.0.0.1:{free_port()}/v1"
    providers, models = {"lab": provider(lab), "dead": provider(dead)}, {}
    for prefix in ("", "stream/"):
        more_providers, more_models = isolated(lab, names, prefix, fallbacks=["lab/fast"])
        providers, models = providers | more_providers, models | more_models
    models |= {
        "fast": "lab/fast",
        "dead": {"targets": ["dead/any", "lab/fast"]},
        "all-dead": {"targets": ["dead/a", "dead/b"]},
        "third": {"targets": ["lab/error-500", "dead/any", "lab/fast"]},
        "last-resort": {"targets": ["lab/error-503"], "fallbacks": ["fast"]},
        "slow-start": {"targets": ["lab/late-token", "lab/fast"], "timeout": {"first_token": "400ms"}},
        "slow-head": {"targets": ["lab/hang", "lab/fast"], "timeout": {"first_token": "400ms", "whole_answer": "400ms"}},
        "one-try": {"targets": ["lab/error-500", "lab/fast"], "retry": {"attempts": 0}},
    }
    with Gateway(folder, config(lab, models=models, providers=providers, defaults=FORGIVING), name="pair") as running:
        yield running


def attempts(gateway, answer):
    entry = gateway.logged(answer.header("x-request-id"))
    return [(attempt["model"], attempt["result"]) for attempt in entry["attempts"]]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", BEFORE_COMMIT)
def test_a_failure_before_the_first_token_is_invisible(pair, model, stream):
    if model in ONLY_STREAMS and not stream:
        pytest.skip("there is no event in an answer that is not streamed")
    expected = pair.chat("fast", stream=stream)
    answer = pair.chat("stream/" * stream + model, stream=stream)
    assert answer.status == 200 and answer.complete, answer
    assert answer.content == expected.content
    assert not stream or answer.finished
    assert b"error" not in answer.body
    assert int(answer.header("x-sluice-attempts")) >= 2
    assert answer.header("x-sluice-model") == "fast"
    done = attempts(pair, answer)
    assert done[-1] == ("fast", "ok") and done[0][0] == model and done[0][1] != "ok", done


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", CALLERS_FAULT)
def test_what_is_the_callers_fault_is_not_tried_elsewhere(pair, lab, model, stream):
    before = lab.stats()["requests"]
    answer = pair.chat(model, stream=stream)
    assert answer.status == int(model.removeprefix("error-"))
    assert answer.error["message"] and answer.header("x-should-retry") == "false"
    assert lab.stats()["requests"] == before + 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["dead", "third", "last-resort", "slow-start", "slow-head"])
def test_the_next_target_takes_over(pair, model, stream):
    if model == "slow-start" and not stream:
        pytest.skip("there is no first token in an answer that is not streamed")
    started = time.monotonic()
    answer = pair.chat(model, stream=stream)
    assert answer.status == 200 and answer.content
    assert attempts(pair, answer)[-1] == ("fast", "ok")
    assert time.monotonic() - started < 4


def test_a_flaky_target_is_tried_again(pair):
    answer = pair.chat("flaky", lab={"key": f"flaky-{time.time()}"})
    assert answer.status == 200 and answer.content
    assert int(answer.header("x-sluice-attempts")) == 2


def test_an_answer_without_a_content_type_is_judged_by_its_bytes(pair):
    assert pair.chat("no-type").status == 200


def test_no_target_left_is_a_clear_error(pair):
    answer = pair.chat("all-dead")
    assert answer.status == 502
    assert (answer.error["code"], answer.error["type"]) == ("upstream_unavailable", "server_error")
    assert answer.header("x-should-retry") in ("true", "false")


def test_the_number_of_attempts_is_kept(pair, lab):
    before = lab.stats()["requests"]
    answer = pair.chat("one-try")
    assert answer.status == 502
    assert answer.header("x-sluice-attempts") == "1"
    assert lab.stats()["requests"] == before + 1

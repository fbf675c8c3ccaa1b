"""A small model says how demanding each request is, and `complexity` goes by that."""

import json
import threading
import time

import pytest
from harness import Gateway, config, wait_until
from scripted import Scripted, error_body, head, sized, stream, whole
from test_cli import run

REFUSED = error_body("not now")
TARGETS = ["answers/cheap", "answers/strong"]


@pytest.fixture(scope="module")
def never():
    """Set when everything is over: who waits for it waits long enough."""
    over = threading.Event()
    yield over
    over.set()


@pytest.fixture(scope="module")
def answering():
    with Scripted({"cheap": sized(whole("cheap")), "strong": sized(whole("strong")),
                   "cheap-stream": sized(stream("cheap"), kind=b"text/event-stream"),
                   "strong-stream": sized(stream("strong"), kind=b"text/event-stream")}) as running:
        yield running


@pytest.fixture(scope="module")
def judging(never):
    answers = {"hard": sized(whole("90")), "easy": sized(whole("5")), "garbage": sized(whole("it depends")), "hangs": [never],
               "stalls": [sized(whole("90"))[:60], never],
               "broken": head(b"Content-Length: %d" % len(REFUSED), status=b"HTTP/1.1 500 X") + REFUSED}
    with Scripted(answers) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab, answering, judging):
    providers = {"answers": answering.provider(type="custom")}
    models = {}
    for judge in [*judging.answers, "down"]:
        url = {"base_url": "http://127.0.0.1:9/v1"} if judge == "down" else {}
        providers[f"judge-{judge}"] = judging.provider(type="custom", **url)
        models[judge] = {"targets": TARGETS, "route": {"policy": "complexity", "thresholds": [50],
                                                       "classifier": {"to": f"judge-{judge}/{judge}", "timeout": "300ms"}}}
    models["outer"] = {"targets": ["hard", "answers/cheap"]}
    models["streams"] = {"targets": [f"{target}-stream" for target in TARGETS],
                         "route": {"policy": "complexity", "thresholds": [50], "classifier": "judge-hard/hard"}}
    models["plain"] = {"targets": TARGETS, "route": "complexity"}
    prices = {"judge-hard/hard": {"input": 1, "output": 2}, "answers/strong": {"input": 10, "output": 20}}
    with Gateway(folder, config(lab, providers=providers, models=models, prices=prices), name="classifier") as running:
        yield running


@pytest.mark.parametrize("model, content", [("hard", "strong"), ("easy", "cheap"), ("outer", "strong"), ("plain", "cheap")])
def test_what_the_classifier_says_chooses(gateway, model, content):
    answer = gateway.chat(model, "hi")
    assert answer.content == content and answer.header("x-sluice-model") == content
    assert answer.header("x-sluice-provider") == "answers" and answer.header("x-sluice-attempts") == "1"


def test_a_stream_waits_for_it_too(gateway):
    assert gateway.chat("streams", "hi", stream=True).content == "strong"


def test_it_sees_the_last_message_in_a_request_of_ours(gateway, judging):
    gateway.chat("easy", "x" * 5000 + "end")
    _, fields, body = judging.requests[-1]
    asked = json.loads(body)
    assert asked["model"] == "easy" and asked["max_tokens"] == 16 and asked["temperature"] == 0 and "stream" not in asked
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["messages"][1]["content"].count("x") == 2048 and "end" not in asked["messages"][1]["content"]


@pytest.mark.parametrize("model", ["garbage", "hangs", "stalls", "broken", "down"])
def test_a_classifier_that_fails_leaves_it_to_the_facts(gateway, model):
    began = time.monotonic()
    answer = gateway.chat(model, "hi")
    assert answer.content == "cheap" and time.monotonic() - began < 2
    attempts = gateway.logged(answer.header("x-request-id"))["attempts"]
    assert [attempt["provider"] for attempt in attempts] == [f"judge-{model}", "answers"]
    assert attempts[0]["classifier"] is True and attempts[0]["reason"].startswith("classifier; ")
    assert gateway.metric("sluice_fallbacks_total", model=model) == 0


def test_a_classifier_that_hangs_costs_its_timeout_until_its_breaker_opens(gateway, judging):
    durations = []
    for _ in range(7):
        began = time.monotonic()
        assert gateway.chat("hangs", "hi").content == "cheap"
        durations.append(time.monotonic() - began)
    assert durations[-1] < 0.25, durations
    asked = sum('"model":"hangs"' in body for _, _, body in judging.requests)
    assert asked == 5, "the breaker opens behind five failures"
    assert len(gateway.logged(gateway.chat("hangs", "hi").header("x-request-id"))["attempts"]) == 1


def test_a_classifier_that_is_down_is_not_asked_any_more(gateway):
    attempts = [len(gateway.logged(gateway.chat("down", "hi").header("x-request-id"))["attempts"]) for _ in range(6)]
    assert attempts[0] in (1, 2) and attempts[-1] == 1, attempts
    assert gateway.metric("sluice_breaker_state", provider="judge-down", target="down (classifier)") == 2
    assert gateway.metric("sluice_breaker_state", provider="answers") == 0


def test_cost_and_attempts_stand_in_the_log_and_the_metrics(gateway):
    before = gateway.metric("sluice_upstream_attempts_total", provider="judge-hard")
    answer = gateway.chat("hard", "hi")
    entry = gateway.logged(answer.header("x-request-id"))
    assert [(a["provider"], a["model"], a["result"]) for a in entry["attempts"]] == [("judge-hard", "hard", "ok"), ("answers", "strong", "ok")]
    assert entry["attempts"][0]["reason"] == "classifier" and "classifier" not in entry["attempts"][1]
    assert entry["sluice.provider"] == "answers" and entry["gen_ai.usage.input_tokens"] == 2
    assert entry["cost_usd"] == pytest.approx(0.000033) and float(answer.header("x-sluice-cost-usd")) == pytest.approx(0.000033)
    assert entry["decision"]["facts"]["complexity"] == 90
    assert entry["overhead_ms"] < entry["duration_ms"]
    wait_until(lambda: gateway.metric("sluice_upstream_attempts_total", provider="judge-hard") == before + 1, 3, what="counted")
    assert gateway.metric("sluice_fallbacks_total") == 0 and gateway.metric("sluice_retries_total") == 0


def test_a_session_is_classified_once(gateway, judging):
    asked = len(judging.requests)
    for _ in range(3):
        assert gateway.chat("hard", "hi", headers={"x-session-id": "session-of-a-hard-one"}).content == "strong"
    assert len(judging.requests) == asked + 1


def test_a_replay_asks_nobody(gateway, judging, tmp_path):
    entry = gateway.logged(gateway.chat("hard", "hi").header("x-request-id"))
    log = tmp_path / "access.log"
    log.write_text(json.dumps(entry) + "\n")
    asked = len(judging.requests)
    done = run("replay", "--log", log, "--config", gateway.config_path, "--json", timeout=120)
    found = json.loads(done.stdout)
    assert (found["decisions"], found["verified"], found["differing"], done.returncode) == (1, 1, 0, 0), found
    assert len(judging.requests) == asked


def test_explain_says_that_it_does_not_ask(gateway, judging):
    asked = len(judging.requests)
    path = gateway.config_path
    done = run("explain", "-c", path, "-m", "hard")
    assert done.returncode == 0, done.stderr
    assert "classifier judge-hard/hard is asked when this is served; it can't be here, so facts decide" in done.stdout
    found = json.loads(run("explain", "-c", path, "-m", "hard", "--json").stdout)
    assert found["classifier"] == {"target": "judge-hard/hard", "asked_when_served": True, "complexity_from": "facts"}
    assert found["order"][0]["target"] == "answers/cheap"
    sorted_by_client = json.loads(run("explain", "-c", path, "-m", "hard:floor", "--json").stdout)
    assert sorted_by_client["classifier"]["asked_when_served"] is False
    assert "classifier" not in json.loads(run("explain", "-c", path, "-m", "plain", "--json").stdout)
    assert len(judging.requests) == asked

"""`sluice replay`: recorded decisions under another configuration. Records come from `sluice explain`, which writes the same."""

import json
import time

import pytest
from harness import Gateway, config, provider
from test_cli import run

PROVIDERS = """\
version: 1
providers:
  one: { type: custom, base_url: "http://127.0.0.1:1/v1", api_key: none }
  two: { type: custom, base_url: "http://127.0.0.1:1/v1", api_key: none }
models:
"""
OLD = PROVIDERS + "  fast: { targets: [one/a, two/b] }\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="sluice.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write


def line(file, seed=0, **more):
    done = run("explain", "-c", file, "-m", "fast", "--seed", seed, "--json")
    record = json.loads(done.stdout)["decision"]
    return {"ts": "t", "request_id": f"r{seed}", "attempts": [{"provider": "one", "result": "ok"}], "decision": record, **more}


def replayed(log, file):
    done = run("replay", "--log", log, "--config", file, "--json", timeout=120)
    return json.loads(done.stdout), done.returncode


def test_the_same_configuration_chooses_the_same(write):
    old = write(OLD)
    log = write("\n".join(json.dumps(line(old, seed)) for seed in range(3)) + "\n", "log")
    found, code = replayed(log, old)
    assert (found["decisions"], found["verified"], found["differing"], found["changed"], code) == (3, 3, 0, 0, 0)


def test_a_record_that_does_not_hold_is_found(write):
    old = write(OLD)
    wrong = line(old)
    wrong["decision"]["order"].reverse()
    found, code = replayed(write(json.dumps(wrong), "log"), old)
    assert (found["differing"], found["first_difference"], code) == (1, "r0", 4)


def test_another_order_moves_the_choices(write):
    old = write(OLD)
    failed = line(old, attempts=[{"provider": "one", "result": "timeout"}, {"provider": "two", "result": "ok"}])
    log = write(json.dumps(failed) + "\n" + json.dumps(line(old)) + "\n", "log")
    found, code = replayed(log, write(PROVIDERS + "  fast: { targets: [two/b, one/a] }\n", "new.yaml"))
    assert found["moves"] == [{"from": "one/a", "to": "two/b", "requests": 2}] and code == 3
    assert (found["verified"], found["first_attempts_failed"], found["first_attempts_failed_moved"]) == (0, 1, 1)


def test_what_was_measured_comes_from_the_record_and_prices_from_the_file(write):
    record = line(write(OLD))
    for target, us in zip(record["decision"]["targets"], (900000, 300000)):
        target["measured"] = {"n": 100, "failed": 10 if us == 900000 else 0, "answer": [us] * 5}
    found, _ = replayed(write(json.dumps(record), "log"), write(PROVIDERS + "  fast: two/b\n", "new.yaml"))
    assert found["latency_ms_sum"] == {"known": 1, "before": 900.0, "after": 300.0}
    assert found["failures_expected"] == {"known": 1, "before": 0.1, "after": 0.0}


def test_an_open_breaker_is_still_open(write):
    record = line(write(OLD))
    record["decision"]["targets"][0] |= {"breaker": 2, "refuses": 1, "probe": 900}
    found, _ = replayed(write(json.dumps(record), "log"), write(PROVIDERS + "  fast: { targets: [one/a, two/c] }\n", "new.yaml"))
    assert found["moves"] == [{"from": "one/a", "to": "two/c", "requests": 1}]


def test_a_model_that_is_gone_serves_nobody(write):
    found, code = replayed(write(json.dumps(line(write(OLD))), "log"), write(PROVIDERS + "  slow: one/a\n", "new.yaml"))
    assert (found["no_model"], found["no_target"], code) == (1, 1, 4)


def test_other_lines_are_counted_and_passed_over(write):
    old = write(OLD)
    log = write('{"msg":"request"}\n\nnonsense\n{"decision":{"v":9}}\n' + json.dumps(line(old)) + "\n", "log")
    found, code = replayed(log, old)
    assert (found["lines"], found["without_decision"], found["unreadable"], found["decisions"], code) == (4, 1, 2, 1, 0)


def test_the_report_for_people_answers_in_words(write):
    log = write(json.dumps(line(write(OLD))) + "\n", "log")
    done = run("replay", "--log", log, "-c", write(PROVIDERS + "  fast: two/b\n", "new.yaml"))
    assert done.returncode == 3 and "changed     1 first choices (100.0 %)" in done.stdout
    assert [words.split() for words in done.stdout.splitlines() if "one/a" in words] == [["1", "one/a", "two/b"]]


def test_wrong_usage_and_a_wrong_file_have_their_codes(write):
    old = write(OLD)
    assert run("replay", "--log", "/no/such/log", "-c", old).returncode == 2
    assert run("replay", "--log", write("", "log"), "-c", write("models: 7\n", "bad.yaml")).returncode == 78


def test_a_long_log_is_streamed(write):
    old = write(OLD)
    one = json.dumps(line(old)) + "\n"
    log = write(one * 100_000, "log")
    began = time.monotonic()
    found, code = replayed(log, old)
    assert (found["verified"], code) == (100_000, 0)
    assert time.monotonic() - began < 20


def test_what_a_gateway_logs_holds(folder, lab):
    providers = {"one": provider(lab), "two": provider(lab)}
    pair = {"route": "weighted", "targets": [{"to": "one/fast", "weight": 3}, "two/fast"]}
    with Gateway(folder, config(lab, providers=providers, models={"pair": pair}), name="replayed") as gateway:
        asked = [gateway.chat("pair", headers={"x-sluice-sort": "price"} if number % 3 == 0 else None) for number in range(12)]
        lines = [gateway.logged(answer.header("x-request-id")) for answer in asked]
        file = folder / "replayed.yaml"
        log = folder / "replayed.log"
        log.write_text("".join(json.dumps(each) + "\n" for each in lines))
        found, code = replayed(log, file)
    assert (found["verified"], found["differing"], found["changed"], code) == (12, 0, 0, 0), found

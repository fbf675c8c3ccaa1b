"""`sluice explain` and POST /admin/explain: where a request would go and why, without sending it."""

import json

import pytest
from harness import CALLER_KEY, Gateway, config, provider
from test_cli import run

FILE = """\
version: 1
providers:
  one: { type: custom, base_url: "http://127.0.0.1:1/v1", api_key: sk-canary-one }
  two: { type: custom, base_url: "http://127.0.0.1:1/v1", api_key: sk-canary-two }
models:
  fast: { targets: [one/a, two/b] }
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(FILE)
    return path


def explain(file, *arguments, **options):
    return run("explain", "-c", file, *arguments, **options)


def explained(file, *arguments):
    done = explain(file, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_plan_for_people_names_model_targets_and_reasons(file):
    done = explain(file, "-m", "fast", "--seed", "7")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["model", "fast"] and "seed      7" in lines
    assert "1  one/a" in done.stdout and "2  two/b" in done.stdout and "\x1b" not in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_a_plan_for_scripts_has_facts_order_and_the_record(file):
    found = explained(file, "-m", "fast", "--seed", "7")
    assert [target["target"] for target in found["order"]] == ["one/a", "two/b"]
    assert found["facts"]["messages"] == 1 and found["seed"] == 7 and found["excluded"] == []
    assert found["decision"]["models"] == [{"name": "fast", "count": 2}] and found["decision"]["draw"] == 7


def test_the_same_seed_gives_the_same_answer(file):
    assert explained(file, "-m", "fast", "--seed", "3") == explained(file, "-m", "fast", "--seed", "3")


def test_the_body_says_what_the_request_needs(file, tmp_path):
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"model": "fast", "stream": True, "max_tokens": 9, "tools": [{"type": "function", "function": {"name": "f"}}],
                                "messages": [{"role": "user", "content": "hi"}]}))
    found = explained(file, "--body", body)
    assert found["facts"]["needs"] == ["tools", "streaming_tools"] and found["facts"]["output_tokens"] == 9


def test_headers_and_suffixes_steer_as_they_do_when_served(file):
    found = explained(file, "-m", "fast:nitro", "--header", "X-Sluice-Only: two", "--header", "x-session-id: s1")
    assert (found["model"], found["requested_model"]) == ("fast", "fast:nitro")
    assert found["steering"] == {"only": ["two"], "sort": "throughput"}
    assert found["affinity"]["session"] is True


@pytest.mark.parametrize("arguments, code, word", [((), 2, "--model or --body"), (("-m", "nobody"), 1, "model_not_found"),
                                                   (("-m", "fast", "--key", "k"), 1, "no configured key"),
                                                   (("-m", "fast", "--header", "nonsense"), 2, "name: value"),
                                                   (("-m", "fast", "--body", "/no/such/file"), 2, "no file"),
                                                   (("-m", "fast", "--header", "x-sluice-sort: fast"), 1, "x-sluice-sort")], ids=str)
def test_a_question_that_makes_no_sense_says_why(file, arguments, code, word):
    done = explain(file, *arguments)
    assert done.returncode == code and word in done.stderr, done.stderr


@pytest.fixture(scope="module")
def running(folder, lab):
    keys = [{"name": "team-a", "value": CALLER_KEY}]
    providers = {"one": provider(lab), "two": provider(lab)}
    with Gateway(folder, config(lab, providers=providers, models={"pair": {"targets": ["one/fast", "two/fast"]}}, keys=keys),
                 name="explained") as gateway:
        yield gateway


def ask(gateway, question, method="POST"):
    from harness import ask as send
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    return send(gateway.admin, method, "/admin/explain", headers={"content-type": "application/json"}, body=body)


def test_the_running_gateway_explains_without_sending(running, quiet_lab):
    answer = ask(running, {"model": "pair", "key": "team-a", "seed": 5})
    assert answer.status == 200
    found = answer.json()
    assert [target["target"] for target in found["order"]] == ["one/fast", "two/fast"] and found["key"] == "team-a"
    assert quiet_lab.stats()["requests"] == 0


def test_a_bare_chat_request_is_a_question(running):
    answer = ask(running, {"model": "pair", "messages": [{"role": "user", "content": "x" * 400}]})
    assert answer.status == 200 and answer.json()["facts"]["input_tokens"] == 104


@pytest.mark.parametrize("question", [b"{", {}, {"model": 1}, {"model": "pair", "seed": -1}, {"model": "pair", "key": "nobody"}, {"modle": "pair"}], ids=str)
def test_a_bad_question_is_a_400(running, question):
    assert ask(running, question).status == 400


def test_only_post_explains(running):
    answer = ask(running, b"", method="GET")
    assert answer.status == 405 and answer.header("allow") == "POST"


def test_the_command_asks_a_running_gateway(running):
    url = f"http://127.0.0.1:{running.admin}"
    done = run("explain", "--admin", url, "-m", "pair", "--seed", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["seed"] == 1
    assert run("explain", "--admin", "http://127.0.0.1:1", "-m", "pair").returncode == 69

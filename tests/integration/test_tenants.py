"""PROMISES.md R20, as far as it applies while there is no cache: nothing is kept and nothing is shared, so that requests of two
tenants never share an answer, however alike they are. Every one of them reaches the upstream, byte for byte."""

import json
import random
import threading

import pytest
from harness import FORGIVING, chat_body, request_bytes

KEYS = {"a": "sk-tenant-a-000001", "b": "sk-tenant-b-000001"}


def variants(body):
    """The same request but for one thing that a careless key of a cache would not see."""
    text = json.dumps(body)
    return [text, text.replace(": ", ":"), json.dumps(dict(reversed(body.items()))), json.dumps(body | {"temperature": 0}),
            json.dumps(body | {"temperature": 0.0}), json.dumps(body | {"user": "x"}), json.dumps(body | {"seed": 1}), text + " ",
            text.replace("model", "mod\\u0065l")]


@pytest.mark.seconds(900)
def test_two_tenants_never_share_an_answer(start, quiet_lab, request):
    """The prompts of a pair differ in one byte, or not at all; the answers are told apart by who asked: each tenant has a model of
    the same name's target, but its own provider key, and the upstream's answer begins with that."""
    pairs = 50_000 if request.config.getoption("--long") else 400
    providers = {name: {"type": "openai", "base_url": quiet_lab.url(), "api_key": f"sk-upstream-{name}"} for name in KEYS}
    models = {f"m-{name}": f"{name}/echo" for name in KEYS}
    keys = [{"name": name, "value": key, "models": [f"m-{name}"]} for name, key in KEYS.items()]
    gateway = start(providers=providers, models=models, keys=keys, defaults=FORGIVING, server={"workers": 2})
    options = {"keys": {f"sk-upstream-{name}": {"report_model": f"only-for-{name}"} for name in KEYS}}
    wrong = []

    def ask(name):
        chance = random.Random(7)  # the same for both: they ask alike, at about the same time
        with gateway.raw(timeout=30) as connection:
            for number in range(pairs):
                prompt = f"question {number}" + chance.choice(["", " ", name])
                body = chance.choice(variants(chat_body(f"m-{name}", prompt, lab=options, stream=chance.random() < 0.5)))
                answer = connection.send(request_bytes("POST", "/v1/chat/completions", {"Authorization": f"Bearer {KEYS[name]}"}, body)).read()
                model = (answer.events[0] if answer.body.startswith(b"data:") else answer.json()).get("model")
                if answer.status != 200 or answer.content != prompt or model != f"only-for-{name}":
                    wrong.append((name, number, answer))

    threads = [threading.Thread(target=ask, args=(name,)) for name in KEYS for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(800)
    assert not wrong
    assert quiet_lab.stats()["requests"] == 4 * pairs, "a request was answered without the upstream"


def test_the_same_request_twice_is_two_requests(start, quiet_lab):
    gateway = start(defaults=FORGIVING)
    for _ in range(3):
        answer = gateway.chat("echo", "again", temperature=0, seed=1)
        assert answer.status == 200 and answer.header("age") is None and answer.header("x-cache") is None
    assert quiet_lab.stats()["requests"] == 3


def test_a_request_sees_no_other_tenants_models_or_errors(start, lab):
    keys = [{"name": name, "value": key, "models": [f"m-{name}"]} for name, key in KEYS.items()]
    gateway = start(models={"m-a": "lab/fast", "m-b": "lab/fast"}, keys=keys)
    bearer = {"Authorization": f"Bearer {KEYS['a']}"}
    unknown = gateway.chat("nobodys", headers=bearer)
    others = gateway.chat("m-b", headers=bearer)
    assert (unknown.status, others.status) == (404, 404)
    assert unknown.text.replace("nobodys", "m-b") == others.text, "an answer tells that the other model exists"

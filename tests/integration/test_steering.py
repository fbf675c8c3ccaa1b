"""What a client may say about the choice of its target: docs/guides/steering.md, end to end."""

import json

import pytest
from harness import CALLER_KEY, Gateway, config, provider
from scripted import Scripted, sized, whole

MODELS = {"pair": {"targets": ["one/fast", "two/fast"]}, "solo": "one/fast", "named:free": "two/fast"}


@pytest.fixture(scope="module")
def steered(folder, lab):
    with Gateway(folder, config(lab, providers={"one": provider(lab), "two": provider(lab)}, models=MODELS), name="steered") as running:
        yield running


def served_by(answer):
    assert answer.status == 200, answer.text
    return answer.header("x-sluice-provider")


@pytest.fixture
def scripted():
    with Scripted({name: sized(whole()) for name in ("fast", "fast:floor")}) as upstream:
        yield upstream


@pytest.mark.parametrize("how", [{"provider": {"order": ["two"]}}, {"provider": {"only": ["two"]}}, {"provider": {"ignore": ["one"]}},
                                 {"headers": {"x-sluice-order": "two, one"}}, {"headers": {"x-sluice-only": "two/fast"}},
                                 {"headers": {"x-sluice-ignore": "one"}}, {"headers": {"x-provider-preferences": '{"only":["two"]}'}}], ids=str)
def test_the_client_chooses_among_the_targets(steered, how):
    assert served_by(steered.chat("pair")) == "one"
    assert served_by(steered.chat("pair", **how)) == "two"


def test_a_suffix_is_cut_where_no_model_has_that_name(steered):
    assert steered.chat("solo:nitro").status == 200
    assert served_by(steered.chat("named:free")) == "two"
    assert steered.chat("nobody:nitro").status == 404


def test_other_models_stand_in(steered, lab):
    lab.reset()
    assert served_by(steered.chat("solo", models=["named:free"], provider={"ignore": ["one"]})) == "two"


@pytest.mark.parametrize("how, param", [({"provider": {"sort": "fast"}}, "provider.sort"), ({"models": "x"}, "models"),
                                        ({"headers": {"x-sluice-max-price": "much"}}, "x-sluice-max-price")], ids=str)
def test_a_wrong_word_is_a_400_that_names_it(steered, how, param):
    answer = steered.chat("pair", **how)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "invalid_value", param)


def test_what_steers_us_is_not_sent_on_and_is_no_loss(start, scripted):
    gateway = start(providers={"up": scripted.provider(type="custom")}, models={"m": "up/fast"})
    answer = gateway.chat("m", provider={"order": ["up"]}, models=["m"], route="fallback", top_q=1,
                          headers={"x-sluice-strict": "true", "x-sluice-include": "adjustments"})
    assert answer.status == 200, answer.text
    sent = json.loads(scripted.requests[-1][2])
    assert sent["top_q"] == 1 and not {"provider", "models", "route"} & sent.keys()
    assert 'severity=minor' not in (answer.header("x-sluice-adjusted") or "")


def test_a_router_gets_the_client_s_own_words(start, scripted):
    gateway = start(providers={"up": scripted.provider(type="openrouter")}, models={"m": "up/fast", "up/*": "up/*"})
    wish = {"sort": "throughput", "new_word": 1}
    assert gateway.chat("m:floor", provider=wish).status == 200
    sent = json.loads(scripted.requests[-1][2])
    assert sent["provider"] == wish and sent["model"] == "fast:floor"


def test_who_may_not_steer_is_told_that_it_was_passed_over(start, lab):
    keys = [{"name": "k", "value": CALLER_KEY, "may_steer": False}]
    gateway = start(models={"solo": "lab/fast"}, keys=keys)
    answer = gateway.chat("solo", provider={"sort": "price"}, headers={"authorization": f"Bearer {CALLER_KEY}"})
    assert answer.status == 200 and answer.header("x-sluice-ignored") == "steering"
    assert gateway.chat("solo", headers={"authorization": f"Bearer {CALLER_KEY}"}).header("x-sluice-ignored") is None


def test_own_keys_need_permission(start):
    gateway = start()
    answer = gateway.chat("fast", headers={"x-provider-auth": "lab=sk-canary-own"})
    assert (answer.status, answer.error["code"]) == (403, "permission_denied")
    assert "canary" not in answer.text + gateway.err + gateway.out

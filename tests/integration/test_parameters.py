"""Fields that a target does not take as they are: docs/guides/provider-profiles.md, seen from a client."""

import json
import subprocess

import pytest
from harness import BINARY, CALLER_KEY, Gateway, clean_environment, config, provider, wait_until
from scripted import Scripted, sized, whole

RULES = [
    {"field": "max_tokens", "do": "rename", "to": "max_completion_tokens"},
    {"field": "temperature", "do": "clamp", "most": 1, "why": "it ends at 1"},
    {"field": "seed", "do": "drop"},
    {"field": "n", "when": {"n": "> 1"}, "do": "reject", "why": "one choice only"},
    {"field": "messages[].role", "do": "convert", "map": {"developer": "system"}, "severity": "exact"},
]
MODELS = {"plain": "plain/fast", "ruled": "ruled/fast", "both": {"targets": ["ruled/fast", "plain/fast"]},
          "strict": {"targets": ["ruled/fast"], "unsupported": "reject"}, "open": {"targets": ["ruled/fast"], "unsupported": "pass"}}


@pytest.fixture(scope="module")
def ruled(folder, lab):
    providers = {"plain": {"type": "custom", "base_url": lab.url(), "api_key": "none"},
                 "ruled": provider(lab, type="custom", parameters=RULES, forward_headers=["X-Session-Id"], headers={"x-team": "one"})}
    with Gateway(folder, config(lab, providers=providers, models=MODELS), name="ruled") as running:
        yield running


def sent(lab):
    body = lab.last()["body"]
    return json.loads(body) if isinstance(body, str) else body


@pytest.fixture
def scripted():
    """An upstream that shows the bytes it got: (head, body) of the newest request."""
    with Scripted({name: sized(whole()) for name in ("fast", "my/deployment")}) as upstream:
        yield upstream


def test_the_upstream_gets_what_it_takes_and_every_other_byte(start, scripted):
    gateway = start(providers={"ruled": scripted.provider(type="custom", parameters=RULES)}, models={"ruled": "ruled/fast"})
    text = ('{"model":"ruled", "messages":[{"role":"developer","content":"a"},{"role":"user","content":"b"}],'
            '"max_tokens": 7,"temperature":1.70,"seed":1,"x_new":{"k":1e2} }')
    assert gateway.ask("POST", "/v1/chat/completions", headers={"content-type": "application/json"}, body=text.encode()).status == 200
    assert scripted.requests[-1][2] == ('{"model":"fast", "messages":[{"role":"system","content":"a"},{"role":"user","content":"b"}],'
                                        '"max_completion_tokens": 7,"temperature":1,"x_new":{"k":1e2} }')


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_the_receipt_is_in_a_header_when_asked_for_in_the_log_and_in_the_metrics(ruled, stream):
    series = {"provider": "ruled", "field": "temperature", "change": "clamped"}
    before = ruled.metric("sluice_parameter_adjustments_total", **series)
    members = {"temperature": 2, "max_tokens": 5, "seed": 3}
    assert ruled.chat("ruled", stream=stream, **members).header("x-sluice-adjusted") is None
    answer = ruled.chat("ruled", stream=stream, headers={"x-sluice-include": "cost, adjustments"}, **members)
    assert answer.header("x-sluice-adjusted") == ('"max_tokens";change=renamed;severity=exact, "temperature";change=clamped;severity=minor, '
                                                  '"seed";change=dropped;severity=minor')
    logged = ruled.logged(answer.header("x-request-id"))
    assert logged["adjustments"] == [{"field": "max_tokens", "change": "renamed", "severity": "exact"},
                                     {"field": "temperature", "change": "clamped", "severity": "minor"},
                                     {"field": "seed", "change": "dropped", "severity": "minor"}]
    wait_until(lambda: ruled.metric("sluice_parameter_adjustments_total", **series) == before + 2, what="both are counted")


def test_nothing_changed_is_no_receipt(ruled):
    answer = ruled.chat("ruled", headers={"x-sluice-include": "adjustments"}, temperature=0.5)
    assert answer.header("x-sluice-adjusted") is None
    assert "adjustments" not in ruled.logged(answer.header("x-request-id"))


@pytest.mark.parametrize("how", [{"model": "strict"}, {"model": "ruled", "headers": {"x-sluice-strict": "true"}},
                                 {"model": "ruled", "headers": {"x-sluice-unsupported": "reject"}}], ids=str)
def test_strict_refuses_what_would_be_lost_before_anything_is_sent(ruled, quiet_lab, how):
    answer = ruled.chat(temperature=2, seed=1, **how)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "unsupported_parameter", "temperature")
    message = answer.error["message"]
    assert "'temperature' (it ends at 1); 'seed'" in message, message
    assert "plain/fast (model 'plain')" in message and "(model 'open')" not in message.split("these would")[0], message
    assert quiet_lab.stats()["requests"] == 0
    assert ruled.chat(**how, max_tokens=5).status == 200, "what is exact is no reason"


def test_strict_goes_to_the_target_that_takes_it(ruled):
    answer = ruled.chat("both", temperature=2, headers={"x-sluice-strict": "true"})
    assert (answer.status, answer.header("x-sluice-provider")) == (200, "plain")
    assert ruled.chat("both", temperature=2).header("x-sluice-provider") == "ruled"


def test_what_a_target_cannot_do_goes_to_another_and_else_is_a_400(ruled, lab):
    answer = ruled.chat("both", n=2)
    assert (answer.status, answer.header("x-sluice-provider")) == (200, "plain") and len(answer.json()["choices"]) == 2
    refused = ruled.chat("ruled", n=2)
    assert (refused.status, refused.error["param"]) == (400, "n") and "one choice only" in refused.error["message"]
    assert refused.header("x-should-retry") == "false"
    assert ruled.chat("ruled", n=1).status == 200


def test_pass_sends_the_clients_values(ruled, lab):
    assert ruled.chat("open", temperature=2, n=2, max_tokens=5).status == 200
    assert sent(lab)["temperature"] == 2 and sent(lab)["n"] == 2 and sent(lab)["max_completion_tokens"] == 5
    assert ruled.chat("open", temperature=2, headers={"x-sluice-unsupported": "drop"}).status == 200
    assert sent(lab)["temperature"] == 1


@pytest.mark.parametrize("header", [{"x-sluice-strict": "yes"}, {"x-sluice-unsupported": "ignore"}], ids=str)
def test_a_wrong_word_in_a_header_is_refused_by_name(ruled, header):
    answer = ruled.chat("ruled", headers=header)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "invalid_value", next(iter(header)))


def test_a_targets_refusal_does_not_count_against_it(ruled):
    for _ in range(30):
        assert ruled.chat("ruled", n=2).status == 400
    assert ruled.chat("ruled").status == 200


def test_a_key_is_told_only_of_targets_that_it_may_use(start, lab):
    providers = {"plain": {"type": "custom", "base_url": lab.url(), "api_key": "none"}, "ruled": provider(lab, type="custom", parameters=RULES)}
    gateway = start(providers=providers, models=MODELS, keys=[{"name": "k", "value": CALLER_KEY, "models": ["ruled"]}])
    answer = gateway.chat("ruled", n=2, headers={"authorization": f"Bearer {CALLER_KEY}"})
    assert answer.status == 400 and "plain" not in answer.error["message"], answer.text


def test_headers_go_on_where_the_provider_takes_them(ruled, lab):
    ruled.chat("ruled", headers={"X-Session-ID": "s-1", "x-other": "2"})
    headers = lab.last()["headers"]
    assert headers["x-session-id"] == "s-1" and headers["x-team"] == "one" and "x-other" not in headers
    ruled.chat("plain", headers={"X-Session-ID": "s-1"})
    assert "x-session-id" not in lab.last()["headers"]


def test_variables_stand_in_addresses_and_the_model_in_the_path(start, scripted):
    azure = {"type": "azure-legacy", "base_url": scripted.url() + "/{resource}", "api_key": "lab-key-azure", "variables": {"resource": "acme"}}
    gateway = start(providers={"azure": azure}, models={"m": "azure/my/deployment"}, env={"OPENAI_API_VERSION": ""})
    assert gateway.chat("m").status == 200
    head = scripted.requests[-1][1]
    head = head.decode() if isinstance(head, bytes) else head
    assert head.startswith("POST /v1/acme/deployments/my%2Fdeployment/chat/completions?api-version=2024-10-21 HTTP/1.1"), head
    assert "api-key: lab-key-azure" in head and "authorization" not in head.lower()


@pytest.mark.parametrize("variables,says", [({}, "needs `variables: { resource:"), ({"resource": "a/b"}, "is no value for `resource`"),
                                            ({"resource": "acme", "regoin": "x"}, "has no variable `regoin`")], ids=str)
def test_a_missing_or_wrong_variable_is_an_error_of_the_configuration(folder, variables, says):
    path = folder / "variables.yaml"
    path.write_text(json.dumps({"version": 1, "providers": {"azure": {"api_key": "lab-key", "variables": variables}}, "models": {"m": "azure/x"}}))
    checked = subprocess.run([BINARY, "check", path], capture_output=True, text=True, env=clean_environment())
    assert checked.returncode == 78 and says in checked.stdout + checked.stderr, checked


def test_azure_takes_an_entra_token_instead_of_a_key(start, scripted):
    azure = {"type": "azure", "base_url": scripted.url(), "auth": {"scheme": "bearer"}, "api_key": "lab-entra-token", "variables": {"resource": "acme"}}
    gateway = start(providers={"azure": azure}, models={"m": "azure/fast"})
    assert gateway.chat("m").status == 200
    head = str(scripted.requests[-1][1]).lower()
    assert "authorization: bearer lab-entra-token" in head and "api-key" not in head

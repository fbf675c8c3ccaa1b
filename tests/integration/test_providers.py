"""Every provider of the catalogue against the lab that imitates it: tests/fixtures/providers/<name>/.

A new folder is a new provider with all of these tests; docs/providers.md is made of them:

    build/venv/bin/python -m pytest tests/integration/test_providers.py --write-docs
"""

import json
import re

import openai
import pytest
import provider_pages
from harness import CALLER_KEY, FORGIVING, ROOT, SLOW, Gateway, Lab, config
from imitated import FIXTURES, QUESTION, SCHEMA, TOOLS, assembled, at, check, read_providers, settings
from rule_requests import CHANGES, stands, trigger, verify
from openai.types.chat import ChatCompletion, ChatCompletionChunk

PROVIDERS = read_providers()
CASES = {f"{case.provider}-{case.name}": case for provider in PROVIDERS.values() for case in provider.cases}
each_provider = pytest.mark.parametrize("name", PROVIDERS)
KEYS = [{"name": "client", "value": CALLER_KEY}]


class Bench:
    """The lab, one gateway before it, and the providers that both know."""

    def __init__(self, lab, gateway, providers):
        self.lab, self.gateway, self.providers = lab, gateway, providers
        self.client = openai.OpenAI(base_url=f"http://127.0.0.1:{gateway.data}/v1", api_key=CALLER_KEY, max_retries=0, timeout=20 * SLOW)

    def __getitem__(self, name):
        provider = self.providers[name]
        assert provider.profile is not None, f"there is no config/catalogue/providers/{provider.type}.yaml"
        return provider

    def ask(self, name, use="chat", model=None, headers=None, stream=False, **members):
        """A request for a client that hides nothing; with its usage where it streams."""
        model = model or self[name].model(use)
        if stream:
            members = {"stream_options": {"include_usage": True}, **members}
        headers = {"authorization": f"Bearer {CALLER_KEY}", **(headers or {})}
        messages = members.pop("messages", [{"role": "user", "content": QUESTION}])
        body = {"model": f"{name}/{model}", "messages": messages, **({"stream": True} if stream else {}), **members}
        return self.gateway.ask("POST", "/v1/chat/completions", headers=headers, body=body)

    def create(self, name, use="chat", stream=False, **members):
        """The same through the SDK."""
        members.setdefault("messages", [{"role": "user", "content": QUESTION}])
        return self.client.chat.completions.create(model=f"{name}/{self[name].model(use)}", stream=stream, **members)


def start_bench(folder, fixtures, providers, **more):
    lab = Lab(folder, "--providers", fixtures)
    entries, models = settings(providers, lab.port)
    written = config(lab, providers=entries, models=models, keys=KEYS, defaults=FORGIVING, **more)
    return lab, Gateway(folder, written, name="providers")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    lab, gateway = start_bench(tmp_path_factory.mktemp("providers"), FIXTURES, PROVIDERS)
    with lab, gateway:
        yield Bench(lab, gateway, PROVIDERS)


# --- what every provider can do ---------------------------------------------------------------------------------------


def valid_answer(answer):
    """The answer's JSON, after checking that it is an OpenAI answer and nothing else."""
    assert answer.status == 200, answer
    document = answer.json()
    ChatCompletion.model_validate({**document, "service_tier": None}, strict=True)  # every provider has its own tiers
    assert document["object"] == "chat.completion" and document["id"] and document["choices"], document
    return document


def valid_stream(answer, usage=True):
    """The stream put together, after checking that it is an OpenAI stream and nothing else."""
    assert answer.status == 200 and answer.header("content-type").startswith("text/event-stream"), answer
    assert answer.finished and answer.complete, answer.text[-500:]
    events = answer.events
    for event in events:
        ChatCompletionChunk.model_validate({**event, "service_tier": None}, strict=True)
        assert event["object"] == "chat.completion.chunk", event
        assert not any("message" in choice for choice in event["choices"]), event
    assert len({event["id"] for event in events if event["choices"]}) == 1, {event["id"] for event in events}
    indexes = {choice["index"] for event in events for choice in event["choices"]}
    for index in indexes:
        choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
        assert choices[0]["delta"].get("role") == "assistant", choices[0]
        finishes = [choice for choice in choices if choice.get("finish_reason")]
        assert finishes == choices[-1:], f"not exactly one finish, at the end: {finishes}"
    with_usage = [number for number, event in enumerate(events) if event.get("usage")]
    assert with_usage == ([len(events) - 1] if usage else []), f"usage in chunks {with_usage} of {len(events)}"
    if usage:
        assert events[-1]["choices"] == [], events[-1]
    return assembled(events)


def consistent_usage(usage):
    assert usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0, usage
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"], usage
    reasoning = (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    assert 0 <= reasoning <= usage["completion_tokens"], usage
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    assert 0 <= cached <= usage["prompt_tokens"], usage
    return usage


def chat_works(bench, name):
    answer = bench.create(name)
    assert answer.choices[0].message.content == QUESTION
    assert answer.choices[0].finish_reason == "stop"
    assert valid_answer(bench.ask(name))["choices"][0]["message"]["content"] == QUESTION
    assert bench.lab.last()["target"].startswith(f"/providers/{name}/")


def stream_works(bench, name):
    whole = valid_stream(bench.ask(name, stream=True))
    assert (whole["choices"][0]["message"]["content"], whole["choices"][0]["finish_reason"]) == (QUESTION, "stop")
    unasked = valid_stream(bench.ask(name, stream=True, stream_options=None), usage=False)
    assert unasked["choices"][0]["message"]["content"] == QUESTION
    chunks = list(bench.create(name, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == QUESTION


def tools_work(bench, name):
    provider = bench[name]
    asked = {"tools": TOOLS[:1], "model": provider.model("tools")}
    if provider.says("tools", "yes") != "yes":
        return tools_are_not_lost_silently(bench, name, asked)
    first = bench.create(name, use="tools", tools=TOOLS[:1])
    message = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls" and message.tool_calls[0].id
    assert (message.tool_calls[0].type, message.tool_calls[0].function.name) == ("function", "get_weather")
    assert "city" in json.loads(message.tool_calls[0].function.arguments)
    streamed = valid_stream(bench.ask(name, stream=True, **asked))["choices"][0]
    assert streamed["finish_reason"] == "tool_calls"
    assert "city" in json.loads(streamed["message"]["tool_calls"][0]["function"]["arguments"])
    for said in (message.model_dump(exclude_none=True), streamed["message"]):
        final = bench.create(name, use="tools", tools=TOOLS[:1], messages=[
            {"role": "user", "content": QUESTION}, said,
            {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "{\"sky\": \"blue\"}"}])
        assert final.choices[0].message.content == QUESTION and final.choices[0].finish_reason == "stop"


def two_tools_work(bench, name):
    """In one answer: the calls stay apart, with an id each, whole and streamed."""
    provider = bench[name]
    asked = {"tools": TOOLS, "parallel_tool_calls": True, "model": provider.model("tools")}
    if provider.says("tools", "yes") != "yes":
        return tools_are_not_lost_silently(bench, name, asked)
    for document in (valid_answer(bench.ask(name, **asked)), valid_stream(bench.ask(name, stream=True, **asked))):
        calls = document["choices"][0]["message"]["tool_calls"]
        came = bench.lab.last()["body"].get("parallel_tool_calls")
        assert len(calls) == (2 if came else 1), calls
        assert len({call["id"] for call in calls}) == len(calls)
        assert [call["function"]["name"] for call in calls] == ["get_weather", "get_time"][: len(calls)]
        assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in calls)


def tools_are_not_lost_silently(bench, name, asked):
    """A provider without tools: a 400 that names them, or an answer whose receipt does."""
    answer = bench.ask(name, headers={"x-sluice-include": "adjustments"}, **asked)
    if answer.status == 400:
        assert answer.error["param"] == "tools", answer
    else:
        assert "tools" in (answer.header("x-sluice-adjusted") or ""), answer
        assert not valid_answer(answer)["choices"][0]["message"].get("tool_calls")
        assert "tools" not in bench.lab.last()["body"]
    strict = bench.ask(name, headers={"x-sluice-strict": "true"}, **asked)
    assert strict.status == 400 and "tools" in strict.error["message"], strict


def reasoning_works(bench, name):
    provider = bench[name]
    model = provider.model("reasoning")
    answers = [valid_answer(bench.ask(name, model=model)), valid_stream(bench.ask(name, model=model, stream=True))]
    thoughts = []
    for document in answers:
        message = document["choices"][0]["message"]
        assert message["content"] == QUESTION, message
        thoughts.append(message.get("reasoning_content") or "")
        assert "<" not in thoughts[-1], thoughts
    assert thoughts[0] == thoughts[1]
    if provider.says("reasoning", "shown") == "shown":
        assert len(thoughts[0].split()) >= 4, thoughts
    else:
        assert not thoughts[0]
        assert answers[0]["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0
    sdk = bench.create(name, use="reasoning").choices[0].message
    assert (getattr(sdk, "reasoning_content", None) or "") == thoughts[0]


def usage_is_normal(bench, name):
    for use in ("chat", "reasoning"):
        whole = consistent_usage(valid_answer(bench.ask(name, use=use))["usage"])
        streamed = consistent_usage(valid_stream(bench.ask(name, use=use, stream=True))["usage"])
        counts = ("prompt_tokens", "completion_tokens", "total_tokens")
        assert [whole[count] for count in counts] == [streamed[count] for count in counts]
        assert whole["prompt_tokens"] == 4 and whole["completion_tokens"] >= 3, whole
    cached = bench[name].lab.get("options", {}).get("cached", 0)
    assert ((whole.get("prompt_tokens_details") or {}).get("cached_tokens") or 0) == min(cached, 4), whole


def json_schema_works(bench, name):
    provider = bench[name]
    how = provider.says("schema", "yes")
    answer = bench.ask(name, use="schema", response_format=SCHEMA, headers={"x-sluice-include": "adjustments"})
    if how == "unsupported" and answer.status == 400:
        assert (answer.error["param"] or "").startswith("response_format"), answer
        return
    document = valid_answer(answer)
    sent = bench.lab.last()["body"]
    if how == "unknown":  # where nobody says, either is right, if the receipt tells the truth
        how = "yes" if at(sent, "response_format.type") == ["json_schema"] else "json_object" if "response_format" in sent else "no"
    assert at(sent, "response_format.type") == {"yes": ["json_schema"], "json_object": ["json_object"]}.get(how, []), sent
    if how == "yes":
        assert set(json.loads(document["choices"][0]["message"]["content"])) == {"answer"}
    else:
        assert "response_format" in (answer.header("x-sluice-adjusted") or ""), answer.headers
        assert '"answer"' in json.dumps(sent["messages"]).replace("\\", ""), "the schema is not in the instruction"
        if how == "json_object":
            json.loads(document["choices"][0]["message"]["content"])
    strict = bench.ask(name, use="schema", response_format=SCHEMA, headers={"x-sluice-strict": "true"})
    assert strict.status == (200 if how == "yes" else 400), strict


def errors_are_told(bench, name):
    """A refusal in this provider's own shape becomes an OpenAI error with its words, also where a stream was asked for."""
    for stream in (False, True):
        answer = bench.ask(name, model="error:invalid", stream=stream)
        assert answer.status in (400, 422), answer
        assert answer.error["type"] == "invalid_request_error" and "lab-key" not in answer.text, answer
        server = bench.ask(name, model="error:server", stream=stream)
        assert server.status in (500, 502, 503) and server.error["type"] == "server_error", server
    with pytest.raises((openai.BadRequestError, openai.UnprocessableEntityError)):
        bench.client.chat.completions.create(model=f"{name}/error:invalid", messages=[{"role": "user", "content": "x"}])


def rate_limit_is_told(bench, name):
    """As a 429 with its wait; and where there is another target, not at all."""
    answer = bench.ask(name, model="error:rate-limit")
    assert answer.status == 429 and answer.error["type"] == "rate_limit_error", answer
    if bench[name].says("wait", "told") == "told":
        assert 1 <= int(answer.header("retry-after")) <= 4, answer.headers
    for own in ("x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens", "x-ratelimit-remaining"):
        assert answer.header(own) is None, "an upstream's limits are not the gateway's"
    assert valid_answer(bench.ask(name, model="limited"))["choices"][0]["message"]["content"] == QUESTION
    with pytest.raises(openai.RateLimitError):
        bench.client.chat.completions.create(model=f"{name}/error:rate-limit", messages=[{"role": "user", "content": "x"}])


def refused_key_stays_ours(bench, name):
    if "keys" not in bench[name].lab.get("auth", {}):
        assert bench.ask(name, model="refused").status == 200  # it asks for no key
        return
    for stream in (False, True):
        answer = bench.ask(name, model="refused", stream=stream)
        assert (answer.status, answer.error["code"]) in ((502, "upstream_auth"), (503, "no_upstream_available")), answer
        assert "lab-key" not in answer.text and "somebody" not in answer.text, answer
    assert "somebody-else" not in bench.gateway.err + bench.gateway.out


# The capabilities of docs/providers.md, in its order: title, and the test that proves it.
CAPABILITIES = {
    "chat": chat_works, "stream": stream_works, "tools": tools_work, "parallel": two_tools_work, "reasoning": reasoning_works,
    "json_schema": json_schema_works, "usage": usage_is_normal, "errors": errors_are_told, "rate_limit": rate_limit_is_told,
    "auth": refused_key_stays_ours,
}


def has(provider, capability):
    return capability != "reasoning" or "reasoning" in provider.test.get("models", {})


@pytest.mark.parametrize("capability", CAPABILITIES)
@each_provider
def test_capability(bench, name, capability):
    bench[name]
    if has(PROVIDERS[name], capability):
        CAPABILITIES[capability](bench, name)


# --- golden cases -----------------------------------------------------------------------------------------------------


def run_case(bench, case):
    for stream in ([False, True] if case.mode == "both" else [case.mode == "stream"]):
        before = bench.lab.stats()["requests"]
        headers = {"x-sluice-include": "adjustments", **case.headers}
        answer = bench.ask(case.provider, model=case.model, headers=headers, stream=stream, **case.request)
        status = case.expect.get("status", 200)
        assert answer.status in (status if isinstance(status, list) else [status]), answer
        if case.expect.get("sent") == "nothing":
            assert bench.lab.stats()["requests"] == before, "it was sent"
        else:
            check(bench.lab.last()["body"], case.expect.get("sent", {}), "sent")
            check(bench.lab.last()["headers"], case.expect.get("sent_headers", {}), "headers sent")
            assert re.search(case.expect.get("target", ""), bench.lab.last()["target"])
        is_stream = (answer.header("content-type") or "").startswith("text/event-stream")
        check(assembled(answer.events) if is_stream else answer.json(), case.expect.get("answer", {}), "answer")
        check(dict(answer.headers), case.expect.get("headers", {}), "headers")
        if answer.status == 200 and not case.expect.get("breaks"):
            (valid_stream if is_stream else valid_answer)(answer)
        if "receipt" in case.expect:
            receipt_names(bench, answer, case.expect["receipt"])


def receipt_names(bench, answer, fields):
    """In the header that the client asked for, and in the access log."""
    receipt = answer.header("x-sluice-adjusted") or ""
    logged = json.dumps(bench.gateway.logged(answer.header("x-request-id")).get("adjustments", []))
    for name in fields:
        assert name in receipt, f"{name} is not on the receipt {receipt!r}"
        assert name in logged, f"{name} is not in the log's adjustments {logged}"
    if not fields:
        assert not receipt, f"nothing should have been adjusted: {receipt}"


@pytest.mark.parametrize("case", CASES)
def test_case(bench, case):
    bench[CASES[case].provider]
    run_case(bench, CASES[case])


# --- rules ------------------------------------------------------------------------------------------------------------

RULES = {f"{name}-{rule_name}": (name, rule) for name, provider in PROVIDERS.items() for rule_name, rule in provider.rule_names.items()}


def follow_rule(bench, name, rule, made):
    """Acts as the profile says, is on the receipt, and strictly is a refusal where something is lost."""
    asked = {"model": made.model, "stream": made.stream, **made.request}
    sent_before = bench.lab.stats()["requests"]
    answer = bench.ask(name, headers={"x-sluice-include": "adjustments"}, **asked)
    if rule["do"] == "reject":
        assert answer.status == 400 and rule["field"].split("[")[0].split(".")[0] in str(answer.json()["error"]), answer
        assert bench.lab.stats()["requests"] == sent_before, "it was sent"
        return
    assert bench.lab.stats()["requests"] > sent_before, f"it was not sent: {answer.text}"
    if stands(bench[name], rule, made):
        verify(rule, made, bench.lab.last()["body"])
    if answer.status == 200:
        receipt = answer.header("x-sluice-adjusted") or ""
        changes = re.findall(r'"([^"]+)";change=(\w+)', receipt)
    else:  # the log has the receipt of a request that the provider refused, a moment later
        logged = bench.gateway.logged(answer.header("x-request-id")).get("adjustments", [])
        changes = [(line["field"], line["change"]) for line in logged]
    assert any(each == (rule["field"], CHANGES[rule["do"]]) for each in changes) or \
        ("to" in rule and (rule["field"], "dropped") in changes), f"{rule['field']} is not on the receipt {changes}"


@pytest.mark.parametrize("rule", RULES)
def test_rule(bench, rule):
    name, rule = RULES[rule]
    made = trigger(PROVIDERS[name], rule)
    if made:
        return follow_rule(bench, name, rule, made)
    cases = PROVIDERS[name].is_proven_by(rule)
    assert cases, f"no request is found for {rule}: it needs a case in tests/fixtures/providers/{name}/cases"
    for case in cases:
        run_case(bench, case)


@pytest.mark.parametrize("path", sorted((ROOT / "config/catalogue/providers").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_has_fixtures(path):
    assert path.stem in {provider.type for provider in PROVIDERS.values()}, f"tests/fixtures/providers/{path.stem}/ is missing"


# --- a new provider ---------------------------------------------------------------------------------------------------

# As a user writes it under `providers.newcomer`; base_url and key are added, as they are for every provider here.
NEW_PROFILE = {"type": "custom", "parameters": [
    {"field": "seed", "do": "drop", "why": "Newcomer has no seed"},
    {"field": "temperature", "do": "clamp", "most": 1, "why": "Newcomer is calm"},
]}
NEW_LAB = """
about: "Newcomer: nobody has heard of it"
path: /api/chat/completions
auth: { keys: [lab-key-newcomer] }
options: { usage: finish, error_shape: flat, reasoning_field: reasoning }
models: { newcomer-1: {}, newcomer-think: { reasoning: 5 } }
refuse:
  - { when: { seed: present }, error: { message: "what is a seed?" } }
test: { type: custom, models: { chat: newcomer-1, reasoning: newcomer-think } }
"""
NEW_CASE = """
about: Newcomer's rules are followed
request: { seed: 7, temperature: 2 }
expect: { sent: { temperature: 1, gone: [seed] }, receipt: [seed, temperature], answer: { "choices[0].message.content": alpha beta gamma } }
"""


def test_a_new_provider_takes_one_file_and_one_folder(tmp_path):
    """No line of code: what a user writes under `providers` is a profile, and a folder of fixtures is its tests."""
    folder = tmp_path / "fixtures/newcomer"
    (folder / "cases").mkdir(parents=True)
    (folder / "lab.yaml").write_text(NEW_LAB)
    (folder / "cases/rules.yaml").write_text(NEW_CASE)
    providers = read_providers(tmp_path / "fixtures")
    with Lab(tmp_path, "--providers", tmp_path / "fixtures") as lab:
        newcomer = providers["newcomer"]
        newcomer.profile, newcomer.lab["test"]["settings"] = NEW_PROFILE, NEW_PROFILE
        entries, models = settings(providers, lab.port)
        written = config(lab, providers=entries, models=models, keys=KEYS, defaults=FORGIVING)
        with Gateway(tmp_path, written, name="newcomer") as gateway:
            bench = Bench(lab, gateway, providers)
            for capability in CAPABILITIES.values():
                capability(bench, "newcomer")
            for rule in newcomer.rule_names.values():
                follow_rule(bench, "newcomer", rule, trigger(newcomer, rule))
            for case in newcomer.cases:
                run_case(bench, case)


# --- the pages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", provider_pages.names(PROVIDERS))
def test_the_pages_are_up_to_date(page):
    """Made by `--write-docs` from profiles, fixtures and what passed; a failure that they show makes them stale too."""
    path = ROOT / "docs" / page
    assert path.exists(), f"{path} is missing: run with --write-docs"
    assert path.read_text() == provider_pages.render(page, PROVIDERS, list(CAPABILITIES)), "run with --write-docs"

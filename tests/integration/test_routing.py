"""Who serves a request: policies over real upstreams, rules, filters, special fallbacks, hedges, sessions and slow starts.
The policies' formulas are tested in tests/unit/policy; here, that the pipeline feeds them and follows them."""

import collections
import json
import time

import pytest
from harness import FORGIVING, Gateway, ask, chat_body, config, provider, request_bytes, wait_until
from scripted import Scripted, chunk, chunks, event, head, sized, whole

STREAM = b"text/event-stream"
CACHED = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "prompt_tokens_details": {"cached_tokens": 90}}


def stream_of(*texts, finish="stop"):
    events = [event(chunk(text)) for text in texts] + [event(chunk(None, finish)), event(b"[DONE]")]
    return head(b"Transfer-Encoding: chunked", kind=STREAM) + chunks(b"".join(events))


def late_stream(seconds, *texts):
    return [head(b"Transfer-Encoding: chunked", kind=STREAM), seconds,
            stream_of(*texts)[len(head(b"Transfer-Encoding: chunked", kind=STREAM)):]]


def refusal(status, code, message="no"):
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}).encode()
    return head(b"Content-Length: %d" % len(body), status=f"HTTP/1.1 {status} X".encode()) + body


def cached(text):
    """An answer whose prompt came from the provider's cache: a session that finds no warm cache has no reason to stay."""
    return sized(json.dumps({**json.loads(whole(text)), "usage": CACHED}).encode())


@pytest.fixture(scope="module")
def upstream():
    with Scripted({"ok": sized(whole())}) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab, upstream):
    providers = {"lab": provider(lab), "a": upstream.provider(), "b": upstream.provider(), "c": upstream.provider(),
                 "eu": upstream.provider(region="eu", zero_retention=True, trains=False)}
    small = {"context": 500}
    models = {
        "one": "a/one", "two": "b/two", "three": "c/three", "fast": "lab/fast",
        "cost": {"route": "cost", "targets": ["a/dear", "b/cheap", "c/unpriced"]},
        "weighted": {"route": "weighted", "targets": [{"to": "a/one", "weight": 3}, {"to": "b/two", "weight": 1}, {"to": "c/three", "weight": 0}]},
        "priorities": {"route": "weighted", "targets": [{"to": "a/one", "priority": 1}, {"to": "b/two", "weight": 9}]},
        "latency": {"route": "latency", "targets": ["a/slow", "b/two"], "retry": {"attempts": 0}},
        "nested": {"targets": ["cost", "c/three"]},
        "in-europe": {"targets": ["a/one", "eu/two"], "require": {"regions": ["eu"], "zero_retention": True}},
        "nowhere": {"targets": ["a/one"], "require": {"regions": ["mars"]}},
        "long": {"targets": [{"to": "a/short", **small}, {"to": "b/one", **small}], "fallbacks_on": {"context_length": ["c/three"]}},
        "too-long": {"targets": ["a/context", "b/one"], "fallbacks_on": {"context_length": ["c/three"]}},
        "filtered": {"targets": ["a/filter", "b/one"], "fallbacks_on": {"content_filter": ["c/three"]}},
        "blind": {"targets": [{"to": "a/one", "capabilities": {"vision": False}}, "b/two"]},
        "all-blind": {"targets": [{"to": "a/one", "capabilities": {"vision": False}}]},
        "no-schema": {"targets": [{"to": "a/one", "capabilities": {"json_schema": False}}]},
        "ruled": {"targets": ["a/one"], "match": [
            {"when": {"headers": {"x-tier": "gold*"}}, "use": "three"},
            {"when": {"input_tokens_above": 5000}, "use": "two"}]},
        "canary": {"targets": ["a/one"], "match": [{"when": {"percent": "20%"}, "use": "two"}]},
        "session": {"route": "weighted", "targets": ["a/one", "b/two", "c/three"], "affinity": {"keep": "1m"}},
        "no-session": {"route": "weighted", "targets": ["a/one", "b/two", "c/three"], "affinity": "none"},
        "hedged": {"targets": ["a/late", "b/two"], "hedge": {"after": "150ms", "max_extra_load": "100%"}},
        "hedge-loses": {"targets": ["a/soon", "b/hang"], "hedge": {"after": "150ms", "max_extra_load": "100%"}},
        "hedge-error": {"targets": ["a/soon", "b/broken"], "hedge": {"after": "150ms", "max_extra_load": "100%"}},
        "crawls": {"targets": ["a/crawl", "b/two"], "timeout": {"start_rate": 100, "start_window": "400ms"}},
        "crawls-alone": {"targets": ["a/crawl"], "timeout": {"start_rate": 100, "start_window": "400ms"}},
    }
    prices = {"a/dear": {"input": 10, "output": 30}, "b/cheap": {"input": 1, "output": 2}}
    upstream.answers |= {name: cached(name) for name in ("one", "two", "three", "dear", "cheap", "unpriced")}
    upstream.answers["slow"] = [0.12, sized(whole("slow"))]
    upstream.answers["context"] = refusal(400, "context_length_exceeded")
    upstream.answers["filter"] = refusal(400, "content_filter")
    upstream.answers["broken"] = head(b"Transfer-Encoding: chunked", kind=STREAM) + chunks(event(b'{"error":{"message":"x","code":500}}'))
    settings = config(lab, models=models, providers=providers, defaults=FORGIVING, prices=prices)
    with Gateway(folder, settings, name="routing") as running:
        yield running


def served(gateway, model, **options):
    """Which upstream model answered."""
    answer = gateway.chat(model, **options)
    assert answer.status == 200, answer
    return answer.header("x-sluice-model")


def decision_of(gateway, answer):
    return gateway.logged(answer.header("x-request-id"))["decision"]


def test_the_cheapest_goes_first_and_what_has_no_price_last(gateway):
    answer = gateway.chat("cost")
    assert answer.header("x-sluice-model") == "cheap"
    order = decision_of(gateway, answer)["order"]
    assert len(order) == 3 and json.dumps(order[0]).find("cost: cheapest") > 0


def test_weights_share_the_requests(gateway):
    counts = collections.Counter(served(gateway, "weighted") for _ in range(300))
    assert counts["three"] == 0, "weight 0 is only for when nobody else is left"
    assert 0.62 < counts["one"] / 300 < 0.86, counts


def test_a_lower_priority_number_comes_first_whatever_the_policy_says(gateway):
    assert {served(gateway, "priorities") for _ in range(10)} == {"two"}


def test_latency_learns_which_target_is_faster(gateway):
    for _ in range(60):
        served(gateway, "latency")
    counts = collections.Counter(served(gateway, "latency") for _ in range(60))
    assert counts["two"] >= 52, counts


def test_a_route_can_be_a_target_of_a_route(gateway):
    assert served(gateway, "nested") == "cheap"


def test_what_a_route_requires_leaves_targets_out(gateway):
    answer = gateway.chat("in-europe")
    assert (answer.header("x-sluice-provider"), answer.header("x-sluice-model")) == ("eu", "two")
    refused = gateway.chat("nowhere")
    assert (refused.status, refused.error["code"]) == (400, "no_target_fits") and "region" in refused.error["message"]


def test_a_prompt_too_long_for_all_goes_to_the_target_for_long_ones(gateway, upstream):
    before = len(upstream.requests)
    assert served(gateway, "long", prompt="long " * 2000) == "three"
    assert len(upstream.requests) == before + 1, "nobody else was asked"


@pytest.mark.parametrize("model", ["too-long", "filtered"])
def test_a_special_failure_has_fallbacks_of_its_own(gateway, model):
    answer = gateway.chat(model)
    assert (answer.status, answer.header("x-sluice-model")) == (200, "three")
    assert [a["model"] for a in gateway.logged(answer.header("x-request-id"))["attempts"]][1:] == ["three"]


def image():
    return [{"role": "user", "content": [{"type": "text", "text": "what is this?"},
                                         {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]


def test_an_image_goes_to_a_target_that_sees(gateway):
    assert served(gateway, "blind") == "one"
    assert served(gateway, "blind", messages=image()) == "two"
    refused = gateway.chat("all-blind", messages=image())
    assert (refused.status, refused.error["code"]) == (400, "no_target_fits") and "vision" in refused.error["message"]


def test_what_can_be_adapted_is_served_for_want_of_a_better_target(gateway):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    assert served(gateway, "no-schema", response_format=schema) == "one"
    assert gateway.chat("no-schema", response_format=schema, headers={"x-sluice-strict": "true"}).status == 400


def test_rules_send_requests_to_another_model(gateway):
    assert served(gateway, "ruled") == "one"
    assert served(gateway, "ruled", headers={"x-tier": "gold-1"}) == "three"
    assert served(gateway, "ruled", prompt="word " * 6000) == "two"


def test_a_canary_gets_its_share_and_a_session_stays_on_its_side(gateway):
    counts = collections.Counter(served(gateway, "canary") for _ in range(300))
    assert 0.1 < counts["two"] / 300 < 0.31, counts
    for session in ("s-1", "s-2", "s-3", "s-4"):
        assert len({served(gateway, "canary", headers={"x-session-id": session}) for _ in range(6)}) == 1


def test_a_session_stays_with_its_target(gateway, upstream):
    for number in range(5):
        names = {served(gateway, "session", headers={"x-session-id": f"stay-{number}"}) for _ in range(8)}
        assert len(names) == 1, names
    assert len({served(gateway, "session") for _ in range(40)}) == 3, "without a session the weights decide"
    assert len({served(gateway, "no-session", headers={"x-session-id": "x"}) for _ in range(40)}) == 3
    assert len({served(gateway, "session", prompt_cache_key="key-1") for _ in range(8)}) == 1


def test_a_session_moves_with_its_fallback(gateway, upstream):
    session = {"x-session-id": "moves"}
    first = served(gateway, "session", headers=session)
    upstream.answers[first] = refusal(500, "broken")
    second = served(gateway, "session", headers=session)
    upstream.answers[first] = cached(first)
    assert second != first
    assert {served(gateway, "session", headers=session) for _ in range(6)} == {second}


def test_a_hedge_takes_over_from_a_late_first_token(gateway, upstream):
    upstream.answers["late"] = late_stream(5, "late")
    upstream.answers["two"] = stream_of("quick")
    started = time.monotonic()
    answer = gateway.chat("hedged", stream=True)
    assert answer.content == "quick" and answer.finished and answer.complete
    assert time.monotonic() - started < 3
    first, second = gateway.logged(answer.header("x-request-id"))["attempts"]
    assert (first["result"], second["result"]) == ("cancelled", "ok") and second["hedge"] is True
    assert (answer.header("x-sluice-provider"), answer.header("x-sluice-attempts")) == ("b", "2")
    wait_until(lambda: gateway.metric("sluice_hedges_total", provider="b", outcome="ok") >= 1, what="it is counted")
    upstream.answers["two"] = cached("two")


@pytest.mark.parametrize("model", ["hedge-loses", "hedge-error"])
def test_the_first_attempt_wins_when_it_is_faster_after_all(gateway, upstream, model):
    upstream.answers["soon"] = late_stream(0.5, "soon")
    upstream.answers["hang"] = [20, b""]
    answer = gateway.chat(model, stream=True)
    assert answer.content == "soon" and answer.finished
    results = {a["model"]: a["result"] for a in gateway.logged(answer.header("x-request-id"))["attempts"]}
    assert results["soon"] == "ok" and len(results) == 2 and results.get("hang", "cancelled") == "cancelled"


def test_a_client_that_leaves_a_race_ends_both_attempts(gateway, upstream):
    upstream.answers["late"] = [10, b""]
    upstream.answers["two"] = [10, b""]
    with gateway.raw() as client:
        client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("hedged", stream=True)))
        wait_until(lambda: gateway.metric("sluice_in_flight_requests") == 1, what="it is under way")
        time.sleep(0.4)
    wait_until(lambda: gateway.metric("sluice_in_flight_requests") == 0, 3, what="it is over at once")
    upstream.answers["two"] = cached("two")


def test_a_stream_that_starts_too_slowly_is_not_shown(gateway, upstream):
    slow = [head(b"Transfer-Encoding: chunked", kind=STREAM)]
    for letter in "abcdefgh":
        slow += [chunks(event(chunk(letter)), end=b""), 0.2]
    slow += [chunks(event(chunk(None, "stop")) + event(b"[DONE]"))]
    upstream.answers["crawl"] = slow
    upstream.answers["two"] = stream_of("swift")
    answer = gateway.chat("crawls", stream=True)
    assert answer.content == "swift" and answer.finished
    assert gateway.logged(answer.header("x-request-id"))["attempts"][0]["result"] == "timeout"
    upstream.answers["two"] = cached("two")
    alone = gateway.chat("crawls-alone", stream=True)
    assert alone.content == "abcdefgh" and alone.finished, "nobody else could do better"


def test_every_request_has_a_decision_in_its_line(gateway):
    answer = gateway.chat("weighted")
    decision = decision_of(gateway, answer)
    assert decision["v"] == 1 and len(decision["targets"]) == 3 and decision["order"]
    alone = decision_of(gateway, gateway.chat("one"))
    assert len(alone["targets"]) == 1


def test_what_was_measured_is_explained_also_where_there_is_no_choice(gateway):
    def explained():
        return ask(gateway.admin, "POST", "/admin/explain", body=json.dumps({"model": "one"}).encode(),
                   headers={"content-type": "application/json"}).json()["order"][0]["figures"]

    served(gateway, "one")
    wait_until(lambda: explained().get("requests", 0) > 0, what=f"it says so: {explained()}")

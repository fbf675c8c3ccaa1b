"""What a broken, hostile or merely overloaded upstream turns into, and that its connection is never used again."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import CALLER_KEY, FORGIVING, PROVIDER_KEY, Gateway, config, isolated, provider, wait_until

# scenario -> status and code for the client, when there is nobody else to ask
ANSWERED = {
    "interim-flood": (502, "upstream_invalid_response"),
    "redirect": (502, "upstream_invalid_response"),
    "two-lengths": (502, "upstream_invalid_response"),
    "length-and-chunked": (502, "upstream_invalid_response"),
    "bad-chunk": (502, "upstream_invalid_response"),
    "nul-header": (502, "upstream_invalid_response"),
    "folded-header": (502, "upstream_invalid_response"),
    "huge-header": (502, "upstream_invalid_response"),
    "upgrade": (502, "upstream_invalid_response"),
    "gzip": (502, "upstream_invalid_response"),
    "html-200": (502, "upstream_invalid_response"),
    "wrong-type": (502, "upstream_invalid_response"),
    "empty-body": (502, None),
    "empty": (502, "upstream_empty_answer"),
    "cut-in-header": (502, None),
    "error-401": (502, "upstream_auth"),
    "error-403": (502, "upstream_auth"),
    "error-500": (502, None),
    "error-502": (502, None),
    "error-503": (503, None),
    "error-529": (503, None),
    "error-504": (502, None),
}
# form -> the least and the most whole seconds that the client may be told, for a wait of 2.5 s
RETRY_FORMS = {"seconds": (2, 4), "decimal": (2, 4), "date": (1, 4), "ms": (2, 4), "x_ms": (2, 4), "none": (1, 60)}
FAULTS = ["two_lengths", "length_and_chunked", "bad_chunk_size", "huge_chunk_size", "missing_chunk_end", "negative_length",
          "nul_in_header", "folded_header", "space_before_colon", "no_colon", "huge_header", "many_headers", "bad_status_line",
          "bad_version", "bare_lf", "switching_protocols", "cut_in_header", "gzip", "two_codings"]


@pytest.fixture(scope="module")
def lone(folder, lab):
    """A gateway that makes one attempt, with one connection at a time."""
    providers = {"lab": provider(lab, pool={"max_open": 1, "max_waiting": 16, "max_wait": "10s"})}
    models = lab.models()
    for prefix, names in (("whole/", ANSWERED), ("stream/", ANSWERED), ("", RETRY_FORMS)):
        more_providers, more_models = isolated(lab, names, prefix)
        providers, models = providers | more_providers, models | more_models
    for form in RETRY_FORMS:
        models[form]["targets"] = [f"{form.replace('_', '-')}-only/fast"]
    defaults = FORGIVING | {"retry": {"attempts": 0}}
    settings = config(lab, providers=providers, models=models, defaults=defaults, server={"workers": 1})
    with Gateway(folder, settings, name="lone") as running:
        yield running


def connections(lab):
    return lab.stats()["connections_accepted"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ANSWERED)
def test_a_fault_has_its_status(lone, model, stream):
    status, code = ANSWERED[model]
    answer = lone.chat(("stream/" if stream else "whole/") + model, stream=stream)
    assert answer.status == status, answer
    assert answer.error["code"] == code or code is None, answer.error
    assert "<html" not in answer.text.lower(), "an upstream's page was relayed"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_malformed_answer_is_refused_and_none_of_it_shown(lone, fault):
    answer = lone.chat(lab={"http_fault": fault, "text": "forbidden fruit"})
    assert answer.status == 502, answer
    assert answer.error["code"] in ("upstream_invalid_response", "upstream_unavailable", "stream_interrupted")
    assert "forbidden" not in answer.text


@pytest.mark.parametrize("fault", ["two_lengths", "bad_chunk_size", "switching_protocols", "gzip", "many_headers"])
def test_a_connection_with_a_fault_is_not_used_again(lone, lab, fault):
    lone.chat()
    lone.chat(lab={"http_fault": fault})
    before = connections(lab)
    assert lone.chat().status == 200
    assert connections(lab) == before + 2, "the faulty connection was used again"


def test_a_good_connection_is_used_again(lone, lab):
    lone.chat()
    before = connections(lab)
    for _ in range(5):
        assert lone.chat().status == 200
    assert connections(lab) == before + 1, "one is this question's own"


def test_connections_of_a_burst_serve_the_next_one_and_go_when_they_rest(start, lab):
    gateway = start(providers={"lab": provider(lab, pool={"max_idle": 2})}, models={"m": "lab/echo"}, server={"workers": 1})

    def burst():
        with ThreadPoolExecutor(20) as pool:
            ask = lambda _: gateway.chat("m", lab={"header_delay": "200ms"}).status  # noqa: E731
            assert set(pool.map(ask, range(20))) == {200}

    others = lab.stats()["open_connections"]
    burst()
    before = connections(lab)
    burst()
    assert connections(lab) - before <= 2, "the second burst opened connections of its own"
    wait_until(lambda: lab.stats()["open_connections"] <= others + 2, 5, what="two connections are left")


@pytest.mark.parametrize("wait", ["0ms", "30ms"])
@pytest.mark.parametrize("fault", ["extra_bytes", "extra_answer"])
def test_bytes_behind_an_answer_never_reach_anybody(lone, lab, fault, wait):
    expected = lone.chat(prompt="mine").content
    for _ in range(4):
        lone.chat(lab={"http_fault": fault, "extra_wait": wait, "text": "poison"})
        time.sleep(0.06)
        answer = lone.chat(prompt="mine")
        assert answer.status == 200 and answer.content == expected
        assert "poison" not in answer.text


def test_an_answer_to_nobody_puts_no_later_answer_one_place_too_late(lone):
    """An answer that nobody asked for, so late that it looks like the next call's. Once that call is refused, its real
    answer is still on its way over the same connection: it must not become that of a third call."""
    lone.chat("echo", prompt="first", lab={"http_fault": "extra_answer", "extra_wait": "100ms"})
    misled = lone.chat("echo", prompt="second", lab={"header_delay": "100ms"})
    assert misled.status == 502 and "stolen" not in misled.text, misled
    for _ in range(3):
        answer = lone.chat("echo", prompt="third")
        assert answer.status == 200 and answer.content == "third", answer


def test_a_connection_that_died_idle_is_replaced_silently(lone, lab):
    for model in ("closes-idle", "dies-on-reuse"):
        for _ in range(3):
            answer = lone.chat(model)
            assert answer.status == 200, (model, answer)
            time.sleep(0.05)


@pytest.mark.parametrize("listener", [{"reset_next": 1}, {"close_next": 1}])
def test_a_connection_that_dies_at_once_is_tried_again(start, lab, listener):
    gateway = start(defaults=FORGIVING)
    lab.set(listener=listener)
    assert gateway.chat().status == 200
    lab.reset()


def test_provider_text_of_a_rejection_is_passed_but_no_key(lone):
    answer = lone.chat("error-422", lab={"error_message": f"bad field; your key {PROVIDER_KEY} is fine"})
    assert answer.status == 422
    assert PROVIDER_KEY not in answer.text


def test_only_allowed_headers_of_an_answer_are_relayed(lone):
    answer = lone.chat(lab={"headers": {"set-cookie": "a=b", "server": "secret/1", "openai-organization": "org-x",
                                        "openai-processing-ms": "12", "cf-ray": "1", "connection": "x-odd", "x-odd": "1"}})
    names = {name for name, _ in answer.headers}
    assert not names & {"set-cookie", "server", "openai-organization", "cf-ray", "x-odd"}, names
    assert answer.header("openai-processing-ms") == "12"
    assert answer.header("x-upstream-request-id")


def test_the_upstream_gets_an_allow_list_of_headers(lone, lab):
    lone.ask("POST", "/v1/chat/completions", body={"model": "fast", "messages": [{"role": "user", "content": "x"}]}, headers={
        "Authorization": f"Bearer {CALLER_KEY}", "Cookie": "a=b", "X-Forwarded-For": "1.2.3.4", "X_Odd": "1", "Connection": "X-Named",
        "X-Named": "1", "OpenAI-Organization": "org", "X-Sluice-Tags": "a", "TE": "trailers", "Proxy-Authorization": "Basic eA=="})
    seen = lab.last()["headers"]
    assert seen["authorization"] == f"Bearer {PROVIDER_KEY}"
    assert seen["host"] == f"127.0.0.1:{lab.port}"
    assert not {"cookie", "x-forwarded-for", "x_odd", "x-named", "openai-organization", "x-sluice-tags", "te",
                "proxy-authorization"} & seen.keys(), seen


# --- rate limits, credentials, breaker, budget ----------------------------------------------------------------------


@pytest.mark.parametrize("form", RETRY_FORMS)
def test_every_form_of_retry_after_is_understood(lone, form):
    least, most = RETRY_FORMS[form]
    answer = lone.chat(form, lab={"status": 429, "retry_form": form, "retry_after": "2500ms" if form != "none" else "1s"})
    assert (answer.status, answer.error["type"]) == (429, "rate_limit_error")
    assert answer.error["code"] == "rate_limit_exceeded"
    assert answer.header("retry-after"), "a 429 says when to come back"
    assert least <= int(answer.header("retry-after")) <= most
    assert int(answer.header("retry-after-ms")) >= 1


def test_a_short_rate_limit_is_waited_for(start, lab):
    gateway = start(defaults=FORGIVING)
    started = time.monotonic()
    answer = gateway.chat(lab={"key": f"rl-{started}", "fail_first": 1,
                               "fail_with": {"status": 429, "retry_form": "ms", "retry_after": "300ms"}})
    assert answer.status == 200
    assert 0.25 < time.monotonic() - started < 3


def two_keys(lab):
    keys = [{"name": "good", "value": "sk-good-credential"}, {"name": "bad", "value": "sk-bad-credential"}]
    return {"lab": {"type": "openai", "base_url": lab.url(), "api_keys": keys}}


@pytest.mark.parametrize("failure", [{"status": 429, "retry_form": "seconds", "retry_after": "30s"}, {"status": 401}, {"status": 403}])
def test_a_failing_credential_is_benched_and_the_other_serves(start, lab, failure):
    gateway = start(providers=two_keys(lab), defaults=FORGIVING, server={"workers": 1})
    lab.reset()
    lab_options = {"keys": {"sk-bad-credential": failure}}
    answers = [gateway.chat(lab=lab_options) for _ in range(12)]
    assert [answer.status for answer in answers] == [200] * 12
    assert lab.stats()["requests"] <= 14, "the benched credential was asked again and again"


def test_requests_are_spread_over_the_credentials(start, lab):
    gateway = start(providers=two_keys(lab), server={"workers": 1})
    used = []
    for _ in range(24):
        assert gateway.chat().status == 200
        used.append(lab.last()["headers"]["authorization"].removeprefix("Bearer "))
    assert set(used) == {"sk-good-credential", "sk-bad-credential"}
    assert 4 <= used.count("sk-good-credential") <= 20


def test_the_breaker_opens_answers_fast_and_recovers(start, lab):
    breaker = {"consecutive": 3, "open_for": "700ms", "open_max": "1s", "window": "2s"}
    gateway = start(defaults={"retry": {"attempts": 0}, "breaker": breaker}, models={"m": "lab/fast"}, server={"workers": 1})
    lab.reset()
    lab.set(options={"status": 500})
    for _ in range(3):
        assert gateway.chat("m").status == 502
    assert gateway.metric("sluice_breaker_state", provider="lab") == 2
    before = lab.stats()["requests"]
    started = time.monotonic()
    answer = gateway.chat("m")
    assert time.monotonic() - started < 0.25
    assert (answer.status, answer.error["code"]) == (503, "no_upstream_available")
    assert int(answer.header("retry-after")) >= 1
    assert lab.stats()["requests"] == before, "a request went to an open target"
    lab.reset()
    wait_until(lambda: gateway.chat("m").status == 200, 5, step=0.1, what="the target is used again")
    wait_until(lambda: gateway.metric("sluice_breaker_state", provider="lab") == 0, 3, what="the breaker is closed")


def test_a_breaker_that_is_switched_off_never_opens(start, lab):
    breaker = {"consecutive": 0, "min_requests": 1_000_000}
    gateway = start(defaults={"retry": {"attempts": 0}, "breaker": breaker}, models={"m": "lab/error-500"})
    assert [gateway.chat("m").status for _ in range(5)] == [502] * 5
    assert gateway.metric("sluice_breaker_state", provider="lab") == 0


def test_retries_stay_inside_their_budget(start, lab):
    defaults = {"retry": {"attempts": 2, "backoff": "1ms..2ms", "max_extra_load": "10%"},
                "breaker": {"consecutive": 1_000_000, "min_requests": 1_000_000}}
    gateway = start(defaults=defaults, models={"m": "lab/fast"}, server={"workers": 1})
    lab.reset()
    lab.set(options={"status": 503})
    started = time.monotonic()
    for _ in range(200):
        assert gateway.chat("m").status in (502, 503)
    allowed = 200 * 1.10 + (time.monotonic() - started) + 12
    assert lab.stats()["requests"] <= allowed
    lab.reset()

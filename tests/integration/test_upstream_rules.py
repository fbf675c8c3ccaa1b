"""ROBUSTNESS.md section 6, what an upstream's failure means: whose fault, what is said of it, what is tried again, and which
connection may be used for the next call."""

import threading
import time

import pytest
from harness import FORGIVING, PROVIDER_KEY, SLOW, chat_body, request_bytes, wait_until
from scripted import Scripted, chunk, error_body, event, head, sized, stream, whole

ONCE = FORGIVING | {"retry": {"attempts": 0}}
TEXT = "the upstream's own words"


def error(status, message=TEXT, **more):
    body = error_body(message)
    return head(b"Content-Length: %d" % len(body), *more.get("fields", ()), status=b"HTTP/1.1 %d X" % status) + body


@pytest.fixture
def scripted(start):
    """scripted(answers, ...) -> (gateway, upstream): a gateway with one worker before exactly these answers."""
    running = []

    def make(answers, ends=None, pool=None, defaults=ONCE, **settings):
        upstream = Scripted(answers, ends)
        running.append(upstream.__enter__())
        providers = settings.pop("providers", None) or {"lab": upstream.provider(pool=pool or {})}
        for each in providers.values():
            each["base_url"] = upstream.url()
        gateway = start(providers=providers, models=settings.pop("models", {"*": "lab/*"}), defaults=defaults,
                        server={"workers": 1, **settings.pop("server", {})}, **settings)
        return gateway, upstream

    yield make
    for upstream in running:
        upstream.__exit__()


# the upstream's status -> the caller's status and code, and whether the upstream's words are passed on
STATUSES = {
    400: (400, "upstream_rejected", True), 404: (404, "upstream_rejected", True), 409: (502, "upstream_error", False),
    413: (413, "upstream_rejected", True), 422: (422, "upstream_rejected", True),
    401: (502, "upstream_auth", False), 403: (502, "upstream_auth", False), 402: (503, "upstream_quota_exhausted", False),
    405: (502, "upstream_invalid_response", False), 408: (502, "upstream_error", False), 429: (429, "rate_limit_exceeded", False),
    500: (502, "upstream_error", False), 501: (502, "upstream_error", False), 502: (502, "upstream_error", False),
    503: (503, "upstream_overloaded", False), 504: (502, "upstream_error", False), 529: (503, "upstream_overloaded", False),
    301: (502, "upstream_invalid_response", False), 302: (502, "upstream_invalid_response", False),
    307: (502, "upstream_invalid_response", False), 308: (502, "upstream_invalid_response", False),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("given", STATUSES)
def test_an_upstreams_status_has_one_of_ours(scripted, given, streamed):
    status, code, words = STATUSES[given]
    gateway, upstream = scripted({"m": error(given)})
    answer = gateway.chat("m", stream=streamed)
    assert (answer.status, answer.error["code"]) == (status, code), answer
    assert (TEXT in answer.text) == words
    assert len(upstream.requests) == 1, "it was tried again"


def test_a_404_about_the_model_says_so(scripted):
    gateway, _ = scripted({"m": error(404, "The model `m` does not exist")})
    answer = gateway.chat("m")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("given", [400, 401, 404, 422, 429, 500, 503])
def test_a_page_of_html_is_never_relayed(scripted, given):
    body = b"<!DOCTYPE html><html><body>Error at internal-host-7</body></html>"
    bare = head(b"Content-Length: %d" % len(body), status=b"HTTP/1.1 %d X" % given, kind=b"text/html") + body
    inside = error(given, "<html><body>Error at internal-host-7</body></html>")
    gateway, _ = scripted({"bare": bare, "inside": inside})
    for model in ("bare", "inside"):
        answer = gateway.chat(model)
        assert "html" not in answer.text.lower() and "internal-host-7" not in answer.text and answer.error["message"]


@pytest.mark.parametrize("given", [400, 404, 413, 422])
def test_a_refusal_of_the_request_is_no_failure_of_the_target(scripted, given):
    defaults = {"retry": {"attempts": 0}, "breaker": {"consecutive": 2, "min_requests": 2, "failure_ratio": "1%"}}
    gateway, upstream = scripted({"m": error(given), "good": sized(whole())}, defaults=defaults, models={"m": "lab/m"})
    assert [gateway.chat("m").status for _ in range(10)] == [given] * 10
    assert len(upstream.requests) == 10
    assert gateway.metric("sluice_breaker_state", provider="lab") == 0


def test_all_broken_is_said_in_less_than_5_ms(scripted):
    defaults = {"retry": {"attempts": 0}, "breaker": {"consecutive": 2, "open_for": "60s", "open_max": "60s"}}
    gateway, upstream = scripted({"m": error(500)}, defaults=defaults, models={"m": "lab/m"})
    for _ in range(2):
        assert gateway.chat("m").status == 502
    data, times = request_bytes("POST", "/v1/chat/completions", body=chat_body("m")), []
    with gateway.raw() as connection:
        for _ in range(30):
            began = time.monotonic()
            answer = connection.send(data).read()
            times.append(time.monotonic() - began)
            assert (answer.status, answer.error["code"]) == (503, "no_upstream_available")
            assert 1 <= int(answer.header("retry-after")) <= 90, "the time to the next probe"
    assert sorted(times)[len(times) // 2] < 0.005 * SLOW, "the median: a busy machine makes single ones slow"
    assert len(upstream.requests) == 2


def test_only_an_allow_list_of_headers_is_relayed(scripted):
    """For whole answers, streams and errors: the names are always the same, whatever the upstream adds."""
    odd = [b"Set-Cookie: a=b", b"Server: secret/1", b"X-Powered-By: secret", b"OpenAI-Organization: org-1", b"OpenAI-Version: 1",
           b"CF-Ray: 1", b"Strict-Transport-Security: max-age=1", b"Location: http://127.0.0.1:9/", b"Link: </x>", b"X-Odd: 1",
           b"Alt-Svc: h3=\":9\"", b"Access-Control-Allow-Origin: *", b"X-Request-Id: theirs", b"Refresh: 0", b"Via: 1.1 x"]
    events = stream("fine")
    gateway, _ = scripted({
        "plain": sized(whole()), "odd": sized(whole(), *odd),
        "plain-stream": sized(events, kind=b"text/event-stream"), "odd-stream": sized(events, *odd, kind=b"text/event-stream"),
        "plain-error": error(400), "odd-error": error(400, fields=odd)})
    for suffix, streamed in (("", False), ("-stream", True), ("-error", False)):
        plain, answer = (gateway.chat(kind + suffix, stream=streamed) for kind in ("plain", "odd"))
        added = {name for name, _ in answer.headers} - {name for name, _ in plain.headers}
        assert added <= {"x-upstream-request-id"}, added
        assert answer.header("x-request-id") != "theirs"


# --- which connection may be used again -----------------------------------------------------------------------------


def test_a_connection_on_which_a_wait_ended_is_not_used_again(scripted):
    """The late answer arrives while the next call is on its way: on a connection that is closed."""
    short = {"whole_answer": "200ms", "first_token": "200ms", "idle": "200ms"}
    models = {name: {"targets": [f"lab/{name}"], "timeout": short} for name in ("late", "stalled")} | {"mine": "lab/mine"}
    late = [0.35, sized(whole("late"))]
    stalled = [head(b"Transfer-Encoding: chunked", kind=b"text/event-stream"), b"%x\r\n" % len(event(chunk("a"))) + event(chunk("a")) + b"\r\n",
               0.35, b"5\r\nlate!\r\n0\r\n\r\n"]
    gateway, upstream = scripted({"late": late, "stalled": stalled, "mine": sized(whole("mine"))}, models=models)
    assert gateway.chat("late").status == 504
    assert gateway.chat("stalled", stream=True).status in (200, 504)
    for _ in range(4):
        assert gateway.chat("mine").content == "mine"
        time.sleep(0.1)
    used = [connection for connection, _, body in upstream.requests if '"mine"' in body]
    spoilt = [connection for connection, _, body in upstream.requests if '"mine"' not in body]
    assert not set(used) & set(spoilt)


def test_a_connection_that_was_cancelled_is_not_used_again(scripted):
    over = threading.Event()
    gateway, upstream = scripted({"late": [over, sized(whole("late"))], "mine": sized(whole("mine"))})
    assert gateway.chat("mine").content == "mine"
    for leave in ("close", "reset"):
        with gateway.raw() as client:
            client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("late")))
            wait_until(lambda: '"late"' in upstream.requests[-1][2], 3, what="the upstream has the call")
            getattr(client, leave)()
        for _ in range(3):
            assert gateway.chat("mine").content == "mine"
    over.set()
    used = [(connection, '"late"' in body) for connection, _, body in upstream.requests]
    spoilt = [place for place, (_, late) in enumerate(used) if late]
    assert len(spoilt) == 2
    assert all(used[place][0] not in [connection for connection, _ in used[place + 1 :]] for place in spoilt), used


def test_an_answer_before_the_request_was_taken_ends_its_connection(scripted):
    """An early 413: what is left of the request must not become the beginning of the next one."""
    gateway, upstream = scripted({"big": error(413), "mine": sized(whole("mine"))}, ends={"big": "close"})
    assert gateway.chat("big", prompt="a" * 200_000).status == 413
    assert gateway.chat("mine").content == "mine"
    assert upstream.requests[-1][0] != upstream.requests[0][0]


def test_pools_are_separate_by_credential_and_provider(scripted):
    """One address, four keys, two of which are the same at two providers: no connection ever carries two of them."""
    keys = [{"name": f"k{n}", "value": f"sk-key-{n}"} for n in range(2)]
    providers = {"a": {"type": "openai", "api_keys": keys}, "b": {"type": "openai", "api_key": "sk-key-2"},
                 "c": {"type": "openai", "api_key": "sk-key-2", "headers": {"x-tenant": "c"}}}
    models = {f"{name}-m": f"{name}/m" for name in providers}
    gateway, upstream = scripted({"m": sized(whole())}, providers=providers, models=models)

    def ask(number):
        for round in range(20):
            assert gateway.chat(f"{'abc'[(number + round) % 3]}-m").status == 200

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    seen = {}
    for connection, text, _ in upstream.requests:
        fields = dict(line.split(": ", 1) for line in text.split("\r\n")[1:])
        seen.setdefault(connection, set()).add((fields["authorization"], fields.get("x-tenant")))
    assert len(upstream.requests) == 80
    assert all(len(identities) == 1 for identities in seen.values()), seen
    assert len(set.union(*seen.values())) == 4
    assert len(seen) < 40, "connections are not used again at all"


# --- what is tried again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_retry_after_a_whole_request_is_marked_as_uncertain(scripted, streamed):
    """The upstream took it all and then broke off: it may charge for it. A refused or unsent one it can't."""
    retry = FORGIVING["retry"] | {"attempts": 1}
    answers = {"broken": b"", "refused": error(500), "good": sized(stream("x"), kind=b"text/event-stream") if streamed else sized(whole())}
    gateway, _ = scripted(answers, ends={"broken": "close"}, defaults=FORGIVING | {"retry": retry},
                          models={"broken": {"targets": ["lab/broken", "lab/good"]}, "refused": {"targets": ["lab/refused", "lab/good"]}})
    for model, uncertain in (("broken", True), ("refused", None)):
        answer = gateway.chat(model, stream=streamed)
        assert answer.status == 200
        attempts = gateway.logged(answer.header("x-request-id"))["attempts"]
        assert attempts[0].get("uncertain") is uncertain, attempts
        assert attempts[-1]["result"] == "ok" and "uncertain" not in attempts[-1]


def test_a_timeout_is_not_repeated_on_the_same_target(scripted):
    defaults = FORGIVING | {"timeout": {"whole_answer": "200ms", "first_token": "200ms"}}
    gateway, upstream = scripted({"m": [0.6, sized(whole())]}, defaults=defaults, models={"m": "lab/m"})
    for streamed in (False, True):
        answer = gateway.chat("m", stream=streamed)
        assert (answer.status, answer.error["code"]) == (504, "upstream_timeout")
    assert len(upstream.requests) == 2


def test_a_429_is_handed_on_with_its_wait_and_cools_that_credential_only(scripted):
    keys = [{"name": "a", "value": "sk-a"}, {"name": "b", "value": "sk-b"}]
    limited = error(429, fields=[b"Retry-After: 30"])
    gateway, upstream = scripted({"m": limited, "good": sized(whole())}, providers={"lab": {"type": "openai", "api_keys": keys}},
                                 models={"m": "lab/m", "good": "lab/good"})
    first = gateway.chat("m")
    assert (first.status, first.error["type"]) == (429, "rate_limit_error")
    assert 30 <= int(first.header("retry-after")) <= 37
    limited_key = dict(line.split(": ", 1) for line in upstream.requests[0][1].split("\r\n")[1:])["authorization"]
    before = len(upstream.requests)
    for _ in range(6):
        assert gateway.chat("good").status == 200
    others = {dict(line.split(": ", 1) for line in text.split("\r\n")[1:])["authorization"] for _, text, _ in upstream.requests[before:]}
    assert limited_key not in others


def test_the_key_of_the_caller_is_never_blamed_for_ours(scripted):
    """A provider's 401 that quotes our key: neither a 401, nor the key, nor its words."""
    gateway, _ = scripted({"m": error(401, f"Incorrect API key provided: {PROVIDER_KEY}"), "n": error(403, "sk-scripted-0001 may not")})
    for model in ("m", "n"):
        answer = gateway.chat(model)
        assert (answer.status, answer.error["code"]) == (502, "upstream_auth")
        assert "sk-" not in answer.text and "Incorrect" not in answer.text and answer.header("x-should-retry") == "false"

"""ROBUSTNESS.md section 3, what is well-formed but not for us: routes, methods, expectations, upgrades, tunnels, keys. Each
refusal leaves the connection in order, or closes it; a body that nobody read is never taken for a request."""

import base64
import time

import pytest
from harness import CALLER_KEY, PROVIDER_KEY, Closed, Gateway, chat_body, config, request_bytes

MODELS = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
CHAT = request_bytes("POST", "/v1/chat/completions", body=chat_body())
BEARER = {"Authorization": f"Bearer {CALLER_KEY}"}
POSTS = {"POST"}
GETS = {"GET", "HEAD"}
NOBODY = (404, "unknown_route", None)

# request -> status, code, what `Allow` says
ROUTES = {
    ("GET", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("HEAD", "/v1/chat/completions"): (405, None, POSTS),
    ("PUT", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("PATCH", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("DELETE", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("OPTIONS", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("post", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("POSTS", "/v1/chat/completions"): (405, "method_not_allowed", POSTS),
    ("POST", "/v1/models"): (405, "method_not_allowed", GETS),
    ("OPTIONS", "/v1/models"): (405, "method_not_allowed", GETS),
    ("DELETE", "/v1/models/fast"): (405, "method_not_allowed", GETS),
    ("TRACE", "/v1/models"): (405, "method_not_allowed", GETS),
    ("TRACE", "/nowhere"): (405, "method_not_allowed", GETS),
    ("CONNECT", "127.0.0.1:80"): (405, "method_not_allowed", GETS),
    ("CONNECT", "[::1]:443"): (405, "method_not_allowed", GETS),
    ("OPTIONS", "*"): NOBODY,
    ("GET", "/"): NOBODY,
    ("GET", "/v1"): NOBODY,
    ("GET", "/v1/models/../models"): NOBODY,
    ("GET", "/v1/%2e%2e/v1/models"): NOBODY,
    ("GET", "/v1/%6dodels"): NOBODY,
    ("GET", "/v1/models%00"): NOBODY,
    ("GET", "/v1/models;x=1"): NOBODY,
    ("GET", "/v1/models%3fx=1"): NOBODY,
    ("POST", "/v1/completions"): NOBODY,
    ("POST", "/v1/chat%2fcompletions"): NOBODY,
    ("GET", "/metrics"): NOBODY,
    ("GET", "http://127.0.0.1:1/nowhere"): NOBODY,
}


@pytest.mark.parametrize("request_line", ROUTES, ids=" ".join)
def test_what_is_not_served_says_so_and_the_connection_goes_on(gateway, quiet_lab, request_line):
    method, target = request_line
    status, code, allowed = ROUTES[request_line]
    with gateway.raw() as connection:
        answer = connection.send(request_bytes(method, target)).read(method)
        assert answer.status == status
        assert method == "HEAD" or answer.error["code"] == code
        allow = answer.header("allow")
        assert allow is None if allowed is None else allowed <= {name.strip() for name in allow.split(",")}
        assert not answer.closed
        assert connection.send(MODELS).read().json()["object"] == "list"
    assert quiet_lab.stats()["requests"] == 0


UNREAD = {
    "GET with a body": ("GET", "/v1/models", {}, 200),
    "DELETE with a body": ("DELETE", "/v1/models", {}, 405),
    "unknown route": ("POST", "/nowhere", {}, 404),
    "wrong content type": ("POST", "/v1/chat/completions", {"Content-Type": "text/plain"}, 415),
    "compressed": ("POST", "/v1/chat/completions", {"Content-Encoding": "gzip"}, 415),
    "unknown expectation": ("POST", "/v1/chat/completions", {"Expect": "the-worst"}, 417),
}


@pytest.mark.parametrize("size", [len(CHAT), 60_000, 300_000], ids=["small", "drained", "too long"])
@pytest.mark.parametrize("name", UNREAD)
def test_a_body_that_nobody_read_is_never_a_request(gateway, quiet_lab, name, size):
    """The body is made of requests. It is drained up to 64 KiB; beyond that the connection is closed."""
    method, path, headers, status = UNREAD[name]
    body = (CHAT * (1 + size // len(CHAT)))[:size]
    with gateway.raw() as connection:
        answer = connection.send(request_bytes(method, path, headers, body=body)).read()
        assert answer.status == status
        if size <= 64 * 1024:
            assert not answer.closed
            assert connection.send(MODELS).read().json()["object"] == "list"
        else:
            assert answer.closed or status == 200
            try:
                assert connection.at_end()
            except ConnectionResetError:
                pass
    assert quiet_lab.stats()["requests"] == 0


@pytest.mark.parametrize("name", ["unknown route", "wrong content type"])
def test_a_chunked_body_that_nobody_read_is_drained_too(gateway, quiet_lab, name):
    method, path, headers, status = UNREAD[name]
    head = request_bytes(method, path, {"Transfer-Encoding": "chunked", "Content-Length": None, **headers}, body=b"")
    with gateway.raw() as connection:
        answer = connection.send(head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(CHAT), CHAT)).read()
        assert answer.status == status
        assert connection.send(MODELS).read().json()["object"] == "list"
    assert quiet_lab.stats()["requests"] == 0


def test_what_is_pipelined_behind_an_ordinary_refusal_is_served(gateway, quiet_lab):
    wrong = request_bytes("POST", "/v1/chat/completions", body=b"{")
    with gateway.raw() as connection:
        connection.send(wrong + CHAT + request_bytes("GET", "/nowhere") + CHAT + MODELS)
        assert [connection.read().status for _ in range(5)] == [400, 200, 404, 200, 200]
    assert quiet_lab.stats()["requests"] == 2


UPGRADES = {
    "h2c": {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"},
    "websocket": {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
                  "Sec-WebSocket-Version": "13"},
    "TLS": {"Connection": "Upgrade", "Upgrade": "TLS/1.2, HTTP/1.1"},
}


@pytest.mark.parametrize("name", UPGRADES)
def test_an_upgrade_is_ignored_and_not_passed_on(gateway, lab, name):
    answer = gateway.ask("POST", "/v1/chat/completions", headers=UPGRADES[name], body=chat_body())
    assert answer.status == 200 and answer.header("upgrade") is None
    assert not {"upgrade", "http2-settings", "sec-websocket-key", "connection"} & lab.last()["headers"].keys()


def test_the_upstream_gets_its_own_fields_and_no_others(gateway, lab):
    """From scratch, by an allow-list: whatever the client says, the names are always the same."""
    gateway.chat()
    plain = lab.last()["headers"].keys()
    gateway.chat(headers={**BEARER, "Cookie": "a=b", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Host": "evil", "Forwarded": "for=x",
                          "X_Odd": "1", "Connection": "X-Named, close", "X-Named": "1", "Keep-Alive": "timeout=1", "TE": "trailers",
                          "Trailer": "X", "Proxy-Authorization": "Basic eA==", "Proxy-Connection": "close", "Via": "1.1 x",
                          "Accept": "a/b", "Accept-Encoding": "gzip", "User-Agent": "evil/1", "OpenAI-Organization": "org",
                          "X-Stainless-Os": "Linux", "Range": "bytes=0-1", "If-None-Match": "x", "X-Real-Ip": "1.2.3.4"})
    seen = lab.last()["headers"]
    assert seen.keys() == plain
    assert seen["authorization"] == f"Bearer {PROVIDER_KEY}" and seen["host"] == f"127.0.0.1:{lab.port}"
    assert seen["accept"] == "application/json" and seen["accept-encoding"] == "identity" and "evil" not in seen["user-agent"]


# --- with keys ------------------------------------------------------------------------------------------------------

BASIC = base64.b64encode(f"user:{CALLER_KEY}".encode()).decode()
DOUBTFUL = {
    "two keys": [("Authorization", f"Bearer {CALLER_KEY}"), ("Authorization", "Bearer sk-other")],
    "two keys, the good one last": [("Authorization", "Bearer sk-other"), ("Authorization", f"Bearer {CALLER_KEY}")],
    "two names, two keys": [("Authorization", f"Bearer {CALLER_KEY}"), ("api-key", "sk-other")],
    "a key and an empty one": [("Authorization", f"Bearer {CALLER_KEY}"), ("Authorization", "")],
    "Bearer and Basic": [("Authorization", f"Bearer {CALLER_KEY}"), ("Authorization", f"Basic {BASIC}")],
    "Basic": [("Authorization", f"Basic {BASIC}")],
    "a cookie": [("Cookie", f"authorization=Bearer {CALLER_KEY}; api-key={CALLER_KEY}")],
    "a proxy's field": [("Proxy-Authorization", f"Bearer {CALLER_KEY}")],
    "a list": [("Authorization", f"Bearer {CALLER_KEY}, Bearer sk-other")],
    "a name with an underscore": [("api_key", CALLER_KEY)],
}


@pytest.fixture(scope="module")
def guarded(folder, lab):
    with Gateway(folder, config(lab, keys=[{"name": "app", "value": CALLER_KEY}]), name="guarded-routes") as running:
        yield running


def with_fields(method, target, fields, body=b""):
    data = request_bytes(method, target, body=body)
    more = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n" + more + b"\r\n" + rest


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_key_in_doubt_or_in_the_wrong_place_is_none(guarded, quiet_lab, name):
    with guarded.raw() as connection:
        data = with_fields("POST", "/v1/chat/completions", DOUBTFUL[name], CHAT.partition(b"\r\n\r\n")[2])
        answer = connection.send(data).read()
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    assert quiet_lab.stats()["requests"] == 0


@pytest.mark.parametrize("query", ["api-key", "api_key", "key", "access_token", "Authorization"])
def test_a_key_in_the_url_is_none(guarded, query):
    answer = guarded.ask("POST", f"/v1/chat/completions?{query}={CALLER_KEY}", body=chat_body())
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


def test_the_same_key_twice_is_no_doubt(guarded):
    with guarded.raw() as connection:
        fields = [("Authorization", f"Bearer {CALLER_KEY}"), ("authorization", f"bearer  {CALLER_KEY}"), ("x-api-key", CALLER_KEY)]
        assert connection.send(with_fields("GET", "/v1/models", fields)).read().status == 200


EXPECTING = {
    "no key": ({}, 401),
    "wrong key": ({"Authorization": "Bearer sk-wrong"}, 401),
    "unknown route": (BEARER, 404),
    "too long": ({**BEARER, "Content-Length": "99999999999"}, 413),
    "wrong type": ({**BEARER, "Content-Type": "text/plain"}, 415),
    "compressed": ({**BEARER, "Content-Encoding": "br"}, 415),
    "another expectation": ({**BEARER, "Expect": "200-maybe"}, 417),
}


@pytest.mark.parametrize("name", EXPECTING)
def test_100_is_never_sent_before_everything_but_the_body_is_checked(guarded, name):
    headers, status = EXPECTING[name]
    data = request_bytes("POST", "/v1/chat/completions", {"Expect": "100-continue", **headers}, body=chat_body())
    if name == "unknown route":
        data = data.replace(b"/chat/completions", b"/nowhere")
    head, blank, _ = data.partition(b"\r\n\r\n")
    with guarded.raw() as connection:
        answer = connection.send(head + blank).read()  # an interim answer would fail here
        assert answer.status == status
        assert answer.closed or status == 417, "its body may follow or not: no request can be told from it"
        assert connection.at_end()


# --- slow bodies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_a_body_below_the_minimum_rate_is_timed_out(start, quiet_lab, coding):
    """It never pauses for long: only its rate gives it away."""
    gateway = start(server={"limits": {"body_idle": "800ms", "body_min_rate": "10KiB"}})
    body = CHAT.partition(b"\r\n\r\n")[2]
    with gateway.raw() as connection:
        if coding == "length":
            connection.send(request_bytes("POST", "/v1/chat/completions", {"Content-Length": "100000"}, body=b""))
        else:
            connection.send(request_bytes("POST", "/v1/chat/completions", {"Content-Length": None, "Transfer-Encoding": "chunked"}, b""))
        began = time.monotonic()
        try:
            while time.monotonic() - began < 8:
                connection.send(body[:20] if coding == "length" else b"14\r\n" + body[:20] + b"\r\n")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - began < 6
        try:
            answer = connection.read()
            assert (answer.status, answer.error["code"], answer.closed) == (408, "request_timeout", True)
        except Closed:
            pass  # the answer was lost in a reset: we were still sending
    assert quiet_lab.stats()["requests"] == 0

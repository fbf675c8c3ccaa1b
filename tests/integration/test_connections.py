"""Connections, methods, paths and CORS: what ordinary and less ordinary clients of HTTP/1.1 rely on."""

import json
import time

import pytest
from harness import Closed, Gateway, chat_body, config, request_bytes, wait_until

MODELS = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
CHAT = request_bytes("POST", "/v1/chat/completions", body=chat_body())


@pytest.fixture(scope="module")
def hurried(folder, lab):
    """A gateway whose patience with clients is short."""
    limits = {"header_timeout": "400ms", "body_idle": "400ms", "body_total": "1500ms", "keep_alive": "600ms"}
    with Gateway(folder, config(lab, server={"limits": limits, "max_body": "64KiB"}), name="hurried") as running:
        yield running


def test_a_connection_serves_many_requests(gateway):
    with gateway.raw() as connection:
        for _ in range(5):
            assert connection.send(MODELS).read().status == 200
            answer = connection.send(CHAT).read()
            assert answer.status == 200 and not answer.closed


def test_a_connection_is_kept_after_a_stream(gateway):
    with gateway.raw() as connection:
        stream = connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=True))).read()
        assert stream.finished and stream.complete
        assert connection.send(MODELS).read().status == 200


def test_pipelined_requests_are_answered_in_order(gateway):
    with gateway.raw() as connection:
        connection.send(CHAT + MODELS + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + CHAT)
        answers = [connection.read() for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 404, 200]
    assert answers[1].json()["object"] == "list"


def test_nothing_behind_a_refusal_is_executed(gateway, quiet_lab):
    with gateway.raw() as connection:
        connection.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + CHAT)
        assert connection.read().status == 400
        assert connection.at_end()
    assert quiet_lab.stats()["requests"] == 0


def test_close_is_honoured(gateway):
    with gateway.raw() as connection:
        answer = connection.send(request_bytes("GET", "/v1/models", {"Connection": "close"})).read()
        assert answer.status == 200 and answer.closed
        assert connection.at_end()


def test_http_1_0_gets_a_plain_body_and_the_end(gateway):
    with gateway.raw() as connection:
        answer = connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body(), version="HTTP/1.0")).read()
        assert answer.status == 200 and answer.content
        assert answer.header("transfer-encoding") is None
        assert connection.at_end()


def test_an_http_1_0_stream_is_not_chunked(gateway):
    with gateway.raw() as connection:
        body = chat_body(stream=True)
        answer = connection.send(request_bytes("POST", "/v1/chat/completions", body=body, version="HTTP/1.0")).read()
    assert answer.header("transfer-encoding") is None
    assert answer.finished and answer.content


def test_http_1_0_keep_alive_is_honoured_where_a_length_is_known(gateway):
    with gateway.raw() as connection:
        data = request_bytes("GET", "/v1/models", {"Connection": "keep-alive"}, version="HTTP/1.0")
        assert connection.send(data).read().status == 200
        assert connection.send(data).read().status == 200


def test_a_chunked_body_is_read(gateway):
    body = json.dumps(chat_body()).encode()
    pieces = b"".join(b"%x;note=1\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    with gateway.raw() as connection:
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\nX-Trailer: dropped\r\n\r\n")
        assert connection.read().status == 200
        assert connection.send(MODELS).read().status == 200


def test_a_request_in_single_bytes_is_read(gateway):
    with gateway.raw() as connection:
        assert connection.send_slowly(CHAT, 1).read().status == 200


# --- expect ---------------------------------------------------------------------------------------------------------


def expecting(**headers):
    data = request_bytes("POST", "/v1/chat/completions", {"Expect": "100-continue", **headers}, body=chat_body())
    return data.partition(b"\r\n\r\n")


def test_a_client_that_expects_100_gets_it_then_the_answer(gateway):
    head, blank, body = expecting()
    with gateway.raw() as connection:
        assert connection.send(head + blank).read_head().status == 100
        assert connection.send(body).read().status == 200


def test_100_is_not_sent_to_a_client_that_did_not_wait(gateway):
    with gateway.raw() as connection:
        answer = connection.send(b"".join(expecting())).read(interim=(100,))
    assert answer.status == 200


@pytest.mark.parametrize("change, status", [({"Content-Length": "99999999999"}, 413), ({"Content-Type": "text/plain"}, 415)])
def test_100_is_never_sent_before_a_refusal(gateway, change, status):
    head, blank, _ = expecting(**change)
    with gateway.raw() as connection:
        assert connection.send(head + blank).read().status == status


def test_100_is_never_sent_for_an_unknown_route(gateway):
    head, blank, _ = expecting()
    with gateway.raw() as connection:
        assert connection.send(head.replace(b"/v1/chat/completions", b"/v1/nowhere") + blank).read().status == 404


def test_another_expectation_fails(gateway):
    assert gateway.ask("GET", "/v1/models", headers={"Expect": "200-ok"}).status == 417


# --- methods and paths ----------------------------------------------------------------------------------------------


def test_head_is_get_without_the_body(gateway):
    with gateway.raw() as connection:
        get = connection.send(MODELS).read()
        head = connection.send(MODELS.replace(b"GET", b"HEAD")).read("HEAD")
        assert (head.status, head.header("content-length")) == (200, get.header("content-length"))
        assert connection.send(MODELS).read().status == 200


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/v1/chat/completions", {"POST"}),
    ("DELETE", "/v1/chat/completions", {"POST"}),
    ("HEAD", "/v1/chat/completions", {"POST"}),
    ("POST", "/v1/models", {"GET", "HEAD"}),
    ("PUT", "/v1/models/fast", {"GET", "HEAD"}),
    ("TRACE", "/v1/models", {"GET", "HEAD"}),
])
def test_a_wrong_method_is_told_the_right_ones(gateway, method, path, allowed):
    answer = gateway.ask(method, path)
    assert answer.status == 405
    assert allowed <= {name.strip() for name in answer.header("allow").split(",")}


@pytest.mark.parametrize("request_line", [b"CONNECT example.com:443 HTTP/1.1", b"OPTIONS * HTTP/1.1"])
def test_what_has_no_path_is_not_tunnelled(gateway, quiet_lab, request_line):
    with gateway.raw() as connection:
        answer = connection.send(request_line + b"\r\nHost: example.com:443\r\n\r\n").read()
    assert answer.status in (400, 404, 405), answer
    assert quiet_lab.stats()["requests"] == 0


def test_an_upgrade_is_ignored(gateway):
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    assert gateway.ask("GET", "/v1/models", headers=headers).status == 200


@pytest.mark.parametrize("method, path, body", [("GET", "/v1/models", CHAT), ("GET", "/nowhere", CHAT),
                                                ("DELETE", "/v1/models", MODELS)])
def test_a_body_nobody_reads_is_never_a_request(gateway, quiet_lab, method, path, body):
    with gateway.raw() as connection:
        connection.send(request_bytes(method, path, {"Content-Type": "text/plain"}, body=body))
        first = connection.read()
        try:
            second = connection.send(MODELS).read()
            assert second.json()["object"] == "list"
        except (Closed, BrokenPipeError, ConnectionResetError):
            assert first.closed
    assert quiet_lab.stats()["requests"] == 0


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions", "/v1//chat//completions/", "//v1/chat/completions",
                                  "/v1/chat/completions/", "/v1/chat/completions?api-version=1"])
def test_paths_are_forgiving(gateway, path):
    assert gateway.ask("POST", path, body=chat_body()).status == 200


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1//models//", "/v1/models?x=1"])
def test_models_are_listed_on_every_spelling(gateway, path):
    answer = gateway.ask("GET", path)
    ids = [model["id"] for model in answer.json()["data"]]
    assert "meta/llama-3" in ids and len(ids) == len(set(ids))
    assert all(model["object"] == "model" and model["owned_by"] is not None for model in answer.json()["data"])


@pytest.mark.parametrize("path", ["/v1/models/meta/llama-3", "/v1/models/meta%2Fllama-3", "/models/meta%2fllama-3",
                                  "/v1//models//meta%2Fllama-3/"])
def test_a_model_with_a_slash_is_found(gateway, path):
    assert gateway.ask("GET", path).json()["id"] == "meta/llama-3"
    assert gateway.ask("HEAD", path).status == 200


@pytest.mark.parametrize("path", ["/v1/models/nothing", "/v1/models/..%2f..%2fetc", "/v1/models/meta%00"])
def test_an_unknown_model_is_not_found(gateway, path):
    assert gateway.ask("GET", path).status in (400, 404)


@pytest.mark.parametrize("path", ["/", "/v1", "/v2/models", "/v1/chat", "/v1/chat/completions/chat/completions", "/metrics",
                                  "/healthz", "/V1/models", "/v1/modelsx"])
def test_an_unknown_path_is_not_found(gateway, path):
    answer = gateway.ask("GET", path)
    assert answer.status == 404
    assert answer.error["type"] == "invalid_request_error"


# --- CORS -----------------------------------------------------------------------------------------------------------

PREFLIGHT = {"Origin": "https://chat.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os,x-stainless-made-up"}


def test_cors_is_off_by_default(gateway):
    answer = gateway.ask("GET", "/v1/models", headers={"Origin": "https://chat.example"})
    assert answer.header("access-control-allow-origin") is None


def test_a_preflight_gets_its_own_headers_back(start):
    gateway = start(server={"cors": {"origins": ["https://chat.example"]}}, keys=[{"name": "a", "value": "sk-cors-key-0001"}])
    answer = gateway.ask("OPTIONS", "/v1/chat/completions", headers=PREFLIGHT)
    assert answer.status == 204, "a preflight carries no key and must not need one"
    assert answer.header("access-control-allow-origin") == "https://chat.example"
    assert answer.header("access-control-allow-headers") == PREFLIGHT["Access-Control-Request-Headers"]
    assert "POST" in answer.header("access-control-allow-methods")
    assert "origin" in answer.header("vary").lower()

    refused = gateway.ask("GET", "/v1/models", headers={"Origin": "https://chat.example"})
    assert refused.status == 401
    assert refused.header("access-control-allow-origin") == "https://chat.example", "a page must be able to read errors"
    assert "x-request-id" in refused.header("access-control-expose-headers")

    stranger = gateway.ask("OPTIONS", "/v1/chat/completions", headers=PREFLIGHT | {"Origin": "https://evil.example"})
    assert stranger.header("access-control-allow-origin") is None


# --- slow clients ---------------------------------------------------------------------------------------------------


def test_a_header_that_does_not_come_is_timed_out(hurried):
    with hurried.raw() as connection:
        answer = connection.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: ").read()
        assert (answer.status, answer.error["code"], answer.closed) == (408, "request_timeout", True)
        assert connection.at_end()


def test_a_connection_without_a_byte_is_closed(hurried):
    with hurried.raw() as connection:
        started = time.monotonic()
        try:
            assert connection.read().status == 408
        except Closed:
            pass
        assert time.monotonic() - started < 3


def test_a_header_in_drips_is_timed_out_too(hurried):
    with hurried.raw() as connection:
        try:
            connection.send_slowly(MODELS[:-4], size=1, pause=0.05)
        except (BrokenPipeError, ConnectionResetError):
            return
        assert connection.read().status == 408


def test_a_body_that_stops_is_timed_out(hurried, quiet_lab):
    with hurried.raw() as connection:
        answer = connection.send(CHAT[:-5]).read()
        assert (answer.status, answer.error["code"], answer.closed) == (408, "request_timeout", True)
        assert connection.at_end()
    assert quiet_lab.stats()["requests"] == 0


def test_a_body_in_drips_is_timed_out_by_its_total(hurried):
    with hurried.raw() as connection:
        head, _, body = CHAT.partition(b"\r\n\r\n")
        connection.send(head + b"\r\n\r\n")
        started = time.monotonic()
        try:
            for byte in body[:-1]:
                connection.send(bytes([byte]))
                time.sleep(0.1)
                if time.monotonic() - started > 8:
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - started < 6
        try:
            assert connection.read().status == 408
        except Closed:
            pass  # the answer was lost in a reset: we were still sending


def test_an_idle_connection_is_closed_without_a_word(hurried):
    with hurried.raw() as connection:
        assert connection.send(MODELS).read().status == 200
        assert connection.at_end(3)


def test_a_body_over_the_limit_is_refused_while_it_is_read(hurried, quiet_lab):
    with hurried.raw() as connection:
        connection.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(40):
                connection.send(b"1000\r\n" + b" " * 4096 + b"\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = connection.read()
    assert (answer.status, answer.error["code"], answer.closed) == (413, "request_too_large", True)
    assert quiet_lab.stats()["requests"] == 0


def test_many_slow_clients_do_not_hold_up_others(hurried):
    slow = [hurried.raw().send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n") for _ in range(200)]
    started = time.monotonic()
    assert hurried.chat().status == 200
    assert time.monotonic() - started < 2
    wait_until(lambda: hurried.metric("sluice_connections", side="client") <= 5, 5, what="the slow ones are gone")
    for connection in slow:
        connection.close()

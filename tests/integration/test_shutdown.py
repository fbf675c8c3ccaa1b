"""A stop loses nothing that can be finished, and says so to the rest."""

import signal
import socket
import time

import pytest
from harness import SLOW, Closed, ask, chat_body, request_bytes, wait_until

MODELS = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"


def draining(start, delay="1s", timeout="2s", **more):
    return start(server={"drain": {"delay": delay, "timeout": timeout}}, **more)


def stream(gateway, tokens, pace="50ms"):
    connection = gateway.raw(timeout=20)
    body = chat_body(stream=True, lab={"per_token": pace, "tokens": tokens})
    connection.send(request_bytes("POST", "/v1/chat/completions", body=body))
    head = connection.read_head()
    assert head.status == 200
    return connection


def rest(connection):
    body = b""
    while piece := connection.read_chunk():
        body += piece
    return body


def test_readiness_goes_first_and_the_service_goes_on(start):
    gateway = draining(start)
    assert gateway.ready()
    gateway.signal(signal.SIGTERM)
    wait_until(lambda: not gateway.ready(), 1, step=0.02, what="not ready")
    assert ask(gateway.admin, "GET", "/healthz").status == 200
    assert gateway.chat().status == 200, "new requests are served during the drain delay"
    assert gateway.wait(8) == 0


def test_answers_while_draining_close_their_connection(start):
    gateway = draining(start)
    with gateway.raw() as connection:
        assert not connection.send(MODELS).read().closed
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: not gateway.ready(), 1, step=0.02, what="not ready")
        assert connection.send(MODELS).read().closed
    assert gateway.wait(8) == 0


def test_a_running_stream_is_finished(start):
    gateway = draining(start, delay="100ms", timeout="10s")
    connection = stream(gateway, tokens=30)
    gateway.signal(signal.SIGTERM)
    body = rest(connection)
    assert body.rstrip().endswith(b"data: [DONE]")
    assert gateway.wait(5) == 0


def test_a_stream_over_the_limit_gets_an_error_event(start):
    gateway = draining(start, delay="100ms", timeout="700ms")
    connection = stream(gateway, tokens=1000)
    started = time.monotonic()
    gateway.signal(signal.SIGTERM)
    body = rest(connection)
    assert b"[DONE]" not in body
    assert b'"server_shutdown"' in body.strip().splitlines()[-1]
    assert gateway.wait(5) == 0
    assert time.monotonic() - started < 2.2 * SLOW


def test_a_request_without_an_answer_at_the_limit_gets_503(start):
    gateway = draining(start, delay="100ms", timeout="500ms")
    with gateway.raw() as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("hang")))
        time.sleep(0.3)
        gateway.signal(signal.SIGTERM)
        answer = connection.read()
    assert (answer.status, answer.error["code"]) == (503, "server_shutdown")
    assert answer.header("x-should-retry") == "true"
    assert gateway.wait(5) == 0


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(start, first):
    gateway = draining(start, delay="30s", timeout="30s")
    stream(gateway, tokens=1000)
    gateway.signal(first)
    wait_until(lambda: not gateway.ready(), 1, step=0.02, what="not ready")
    started = time.monotonic()
    gateway.signal(first)
    gateway.wait(3)
    assert time.monotonic() - started < 1.5 * SLOW


def test_idle_connections_are_closed_and_do_not_hold_it_up(start):
    gateway = draining(start, delay="100ms", timeout="20s")
    with gateway.raw() as idle:
        idle.send(MODELS).read()
        started = time.monotonic()
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(5) == 0
        assert time.monotonic() - started < 2 * SLOW


def test_the_port_is_given_up_after_the_delay(start):
    gateway = draining(start, delay="200ms", timeout="5s")
    connection = stream(gateway, tokens=60)
    gateway.signal(signal.SIGTERM)

    def refused():
        try:
            with gateway.raw(timeout=1) as late:
                late.send(MODELS).read()
            return False
        except (ConnectionError, Closed):
            return True

    wait_until(refused, 3, step=0.1, what="new connections are refused")
    assert rest(connection).rstrip().endswith(b"data: [DONE]")
    assert gateway.wait(5) == 0


def test_no_request_is_lost_in_a_drain_under_load(start):
    gateway = draining(start, delay="800ms", timeout="5s")
    gateway.signal(signal.SIGTERM)
    until = time.monotonic() + 0.5
    count = 0
    while time.monotonic() < until:
        assert gateway.chat().status == 200
        count += 1
    assert count > 3
    assert gateway.wait(8) == 0


def test_a_restart_takes_the_port_over_at_once(start, tmp_path):
    gateway = draining(start, delay="0s", timeout="1s")
    port = gateway.data
    with gateway.raw() as connection:
        connection.send(MODELS).read()
        gateway.signal(signal.SIGTERM)
        gateway.wait(5)
    again = start(server={"listen": f"127.0.0.1:{port}"})
    assert again.data == port and again.chat().status == 200


def test_the_service_manager_is_told(start, tmp_path):
    address = str(tmp_path / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(5)
        gateway = draining(start, delay="100ms", env={"NOTIFY_SOCKET": address})
        assert b"READY=1" in notify.recv(4096)
        gateway.signal(signal.SIGHUP)
        assert b"RELOADING=1" in notify.recv(4096)
        assert b"READY=1" in notify.recv(4096)
        gateway.signal(signal.SIGTERM)
        assert b"STOPPING=1" in notify.recv(4096)
        assert gateway.wait(8) == 0

"""ROBUSTNESS.md section 3: what is malformed or ambiguous is refused, its connection closed, and nothing reaches an
upstream. The rows are in http_table.py; each is raw bytes on a socket of its own."""

import random

import pytest
from harness import Closed, wait_until
from http_table import BODY, FINE, PATH, SIZE, SMUGGLED, TABLE, WHOLE_CHUNK, chunked, post


def types_of(status):
    return "server_error" if status >= 500 else "invalid_request_error"


def refused(gateway, lab, name, data, send=lambda connection, data: connection.send(data)):
    """Sends the row and, if it wasn't cut, a request behind it: one refusal, then the end. The lab has seen nothing."""
    status, code, _ = TABLE[name]
    before = lab.stats()["requests"]
    with gateway.raw() as connection:
        send(connection, data)
        answer = connection.read()
        assert (answer.status, answer.error["code"]) == (status, code), answer
        assert answer.error["type"] == types_of(status) and answer.error["param"] is None
        assert answer.closed, "connection: close is missing"
        assert connection.at_end(), "the connection is still open"
    assert lab.stats()["requests"] == before, "it reached the upstream"


def test_the_table_is_as_long_as_promised():
    assert len(TABLE) >= 150


@pytest.mark.parametrize("name", TABLE)
def test_what_is_malformed_or_ambiguous_is_refused(gateway, lab, name):
    refused(gateway, lab, name, TABLE[name][2] + SMUGGLED)


@pytest.mark.parametrize("name", [name for name in TABLE if len(TABLE[name][2]) < 10_000])
def test_the_verdict_does_not_depend_on_the_segments(gateway, lab, name):
    """The same rows, cut at places that depend on the row alone."""
    chance = random.Random(name)

    def in_pieces(connection, data):
        places = sorted(chance.randrange(len(data)) for _ in range(chance.randint(1, 6)))
        for begin, end in zip([0, *places], [*places, len(data)]):
            if begin != end:
                connection.send(data[begin:end])

    refused(gateway, lab, name, TABLE[name][2] + SMUGGLED, in_pieces)


@pytest.mark.parametrize("name", ["length and coding", "coding chunked twice", "length twice, equal"])
def test_the_verdict_is_the_same_byte_by_byte(gateway, lab, name):
    refused(gateway, lab, name, TABLE[name][2].partition(b"\r\n\r\n")[0] + b"\r\n\r\n", lambda c, data: c.send_slowly(data, 1))


@pytest.mark.parametrize("name", FINE)
def test_what_is_unusual_but_right_is_served(gateway, lab, name):
    with gateway.raw() as connection:
        answer = connection.send(FINE[name]).read()
        assert answer.status == 200, answer
        assert connection.send(SMUGGLED).read().status == 200, "the next request on this connection"
    seen = lab.last()
    assert seen["body_text"] == BODY.decode(), "what was sent is not what the client wrote"
    assert "x" not in seen["headers"] and "elsewhere" not in seen["headers"]["host"]


def test_trailers_never_become_fields(gateway, lab):
    """A key or a length in the trailers is neither used nor passed on."""
    with gateway.raw() as connection:
        connection.send(chunked(WHOLE_CHUNK, end=b"0\r\nX-Request-Id: from-a-trailer\r\nCookie: a=b\r\n\r\n"))
        answer = connection.read()
    assert answer.status == 200 and answer.header("x-request-id") != "from-a-trailer"
    assert "cookie" not in lab.last()["headers"]


def test_no_connection_of_the_pool_carries_a_trace_of_a_refusal(start, quiet_lab):
    """The whole table before one upstream connection, and a good request after every tenth row: it is served on it."""
    gateway = start(server={"workers": 1})
    assert gateway.chat().status == 200
    opened = quiet_lab.stats()["connections_accepted"]
    for number, (_, _, data) in enumerate(TABLE.values()):
        if len(data) > 100_000:
            continue
        with gateway.raw() as connection:
            connection.send(data + SMUGGLED)
            connection.read()
        if number % 10 == 0:
            assert gateway.chat(prompt=f"after {number}").status == 200
            assert quiet_lab.last()["body"]["messages"][0]["content"] == f"after {number}"
    good = 1 + len([number for number, row in enumerate(TABLE.values()) if number % 10 == 0 and len(row[2]) <= 100_000])
    seen = quiet_lab.stats()
    assert seen["requests"] == good, "something else than the good requests arrived"
    asked = good + 2  # the questions to the lab itself have connections of their own
    assert seen["connections_accepted"] <= opened + asked, "a connection was replaced"


def test_an_announced_length_is_not_allocated(gateway, lab):
    before = gateway.rss_kib()
    connections = [gateway.raw().send(post(b"Content-Length: 33554432", body=b"{")) for _ in range(50)]
    wait_until(lambda: gateway.metric("sluice_in_flight_requests") >= 50, 5, what="all of them are being read")
    assert gateway.rss_kib() - before < 32 * 1024
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("data", [
    b"GET /<script>alert(1)</script>\xff HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: <script>alert(1)</script>\r\n\r\n",
    b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX-Request-Id: <script>alert(1)</script>\r\n\r\n",
    post(b"Content-Length: 40", body=b'{"model":"<script>alert(1)</script>   "}'),
], ids=["target", "host", "request id", "model"])
def test_what_a_client_sent_is_not_echoed(gateway, data):
    with gateway.raw() as connection:
        answer = connection.send(data).read()
    assert "<script>" not in answer.text and all("<script>" not in value for _, value in answer.headers)


def test_an_answer_to_a_refusal_is_not_lost_in_a_reset(gateway):
    """The client goes on sending while it is refused: the gateway reads a while, so that the answer arrives."""
    for _ in range(20):
        with gateway.raw() as connection:
            head = post(b"Content-Length: 33554433", body=b"")
            connection.send(head + b" " * 100_000)
            answer = connection.read()
            assert (answer.status, answer.closed) == (413, True)


@pytest.mark.seconds(90)
def test_random_bytes_do_no_harm(gateway, lab):
    """Mutations of good requests, cut anywhere; the gateway answers or closes, and all its descriptors come back."""
    chance = random.Random(20261)
    good = [post(b"Content-Length: " + SIZE), chunked(WHOLE_CHUNK), b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
            b"POST " + PATH + b" HTTP/1.0\r\nContent-Length: " + SIZE + b"\r\n\r\n" + BODY]
    assert gateway.chat().status == 200
    wait_until(lambda: gateway.metric("sluice_connections", side="client") <= 1, 5, what="idle")
    base = gateway.descriptors()
    for _ in range(300):
        data = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(data))
            data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 4))
        with gateway.raw(timeout=5) as connection:
            try:
                connection.send(bytes(data[: chance.randint(1, len(data))]))
                if chance.random() < 0.5:
                    connection.reset()
                    continue
                connection.socket.settimeout(0.05)
                connection.receive()
            except (OSError, Closed):
                pass
    assert gateway.alive()
    wait_until(lambda: gateway.descriptors() <= base + 8, 5, what="the descriptors are back")
    assert gateway.chat().status == 200

"""ROBUSTNESS.md section 3: what is malformed or ambiguous is refused, its connection closed, and nothing reaches an
upstream. Every row is raw bytes on a socket of its own."""

import json
import random

import pytest
from harness import Closed, chat_body, wait_until

BODY = json.dumps(chat_body("fast")).encode()
SIZE = str(len(BODY)).encode()
PATH = b"/v1/chat/completions"
# What a stricter neighbour might take for a second request.
SMUGGLED = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*fields, body=BODY, host=b"Host: a", version=b"HTTP/1.1", path=PATH):
    lines = [b"POST " + path + b" " + version, host, b"Content-Type: application/json", *fields]
    return b"\r\n".join([line for line in lines if line is not None] + [b"", b""]) + body


def chunked(*pieces, end=b"0\r\n\r\n", coding=b"Transfer-Encoding: chunked"):
    return post(coding, body=b"".join(pieces) + end)


WHOLE_CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)

FRAMING = {
    "length and coding": post(b"Content-Length: " + SIZE, b"Transfer-Encoding: chunked", body=WHOLE_CHUNK + b"0\r\n\r\n"),
    "coding and length": post(b"Transfer-Encoding: chunked", b"Content-Length: " + SIZE, body=WHOLE_CHUNK + b"0\r\n\r\n"),
    "length twice, equal": post(b"Content-Length: " + SIZE, b"Content-Length: " + SIZE),
    "length twice, different": post(b"Content-Length: 5", b"Content-Length: " + SIZE),
    "length listed": post(b"Content-Length: %s, %s" % (SIZE, SIZE)),
    "length empty": post(b"Content-Length: "),
    "length signed": post(b"Content-Length: +" + SIZE),
    "length negative": post(b"Content-Length: -1"),
    "length hex": post(b"Content-Length: 0x20"),
    "length with a space inside": post(b"Content-Length: 1 2"),
    "length with a letter": post(b"Content-Length: 12a"),
    "length with a fraction": post(b"Content-Length: 12.0"),
    "length overflowing": post(b"Content-Length: 18446744073709551617"),
    "length of 30 digits": post(b"Content-Length: " + b"9" * 30),
    "length quoted": post(b'Content-Length: "' + SIZE + b'"'),
    "coding chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=WHOLE_CHUNK + b"0\r\n\r\n"),
    "coding chunked, chunked": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: chunked, chunked"),
    "coding in HTTP/1.0": post(b"Transfer-Encoding: chunked", body=WHOLE_CHUNK + b"0\r\n\r\n", version=b"HTTP/1.0"),
    "coding with a space before the colon": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding : chunked"),
    "coding with a tab before the colon": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding\t: chunked"),
    "coding folded": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding:\r\n chunked"),
    "coding with a vertical tab": chunked(WHOLE_CHUNK, coding=b"Transfer-Encoding: \x0bchunked"),
}
CODINGS = {  # 400 or 501: an unknown coding, or chunked not exactly once
    "identity": b"Transfer-Encoding: identity",
    "chunked, identity": b"Transfer-Encoding: chunked, identity",
    "gzip": b"Transfer-Encoding: gzip",
    "gzip, chunked": b"Transfer-Encoding: gzip, chunked",
    "xchunked": b"Transfer-Encoding: xchunked",
    "empty": b"Transfer-Encoding: ",
    "quoted": b'Transfer-Encoding: "chunked"',
    "with a parameter": b"Transfer-Encoding: chunked;q=1",
}
CHUNKS = {
    "size with 0x": chunked(b"0x10\r\n" + b"a" * 16 + b"\r\n"),
    "size signed": chunked(b"+10\r\n" + b"a" * 16 + b"\r\n"),
    "size negative": chunked(b"-1\r\n"),
    "size empty": chunked(b"\r\n"),
    "size with a space in front": chunked(b" 10\r\n" + b"a" * 16 + b"\r\n"),
    "size of 16 digits": chunked(b"0000000000000010\r\n" + b"a" * 16 + b"\r\n"),
    "size not hexadecimal": chunked(b"1g\r\n"),
    "size line ends with LF": chunked(b"10\n" + b"a" * 16 + b"\r\n"),
    "size line has a bare CR": chunked(b"10\r" + b"a" * 16 + b"\r\n"),
    "data longer than its size": chunked(b"5\r\n" + b"a" * 6 + b"\r\n"),
    "data ends with LF": chunked(b"5\r\naaaaa\n"),
    "data ends with nothing": chunked(b"5\r\naaaaa"),
    "extension not in the grammar": chunked(b"5;=x\r\naaaaa\r\n"),
    "extension with a control byte": chunked(b"5;a=\x01\r\naaaaa\r\n"),
    "extension with a bare LF": chunked(b"5;a\nb\r\naaaaa\r\n"),
    "trailer with a space before the colon": chunked(WHOLE_CHUNK, end=b"0\r\nX : y\r\n\r\n"),
    "trailer with a bare LF": chunked(WHOLE_CHUNK, end=b"0\r\nX: y\n\r\n\r\n"),
}
HEADERS = {
    "bare LF after the request line": b"GET /v1/models HTTP/1.1\nHost: a\r\n\r\n",
    "bare LF after a field": b"GET /v1/models HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "bare CR in a field": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "NUL in a field": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
    "NUL in a name": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX\0Y: b\r\n\r\n",
    "control byte in a field": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n",
    "DEL in a field": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
    "folded field": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
    "folded first field": b"GET /v1/models HTTP/1.1\r\n Host: a\r\n\r\n",
    "space before the colon": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n",
    "empty name": b"GET /v1/models HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n",
    "no colon": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
    "name with a parenthesis": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX(Y): a\r\n\r\n",
    "name outside ASCII": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: a\r\n\r\n",
    "no Host": b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /v1/models HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "Host with userinfo": b"GET /v1/models HTTP/1.1\r\nHost: a@b\r\n\r\n",
    "Host with a path": b"GET /v1/models HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "Host with a fragment": b"GET /v1/models HTTP/1.1\r\nHost: a#b\r\n\r\n",
    "Host with a space": b"GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n",
    "Host with two values": b"GET /v1/models HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "Host with a bad port": b"GET /v1/models HTTP/1.1\r\nHost: a:8x\r\n\r\n",
    "request line with two spaces": b"GET  /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "request line with a tab": b"GET\t/v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "request line without a version": b"GET /v1/models\r\nHost: a\r\n\r\n",
    "request line with four words": b"GET /v1/models HTTP/1.1 x\r\nHost: a\r\n\r\n",
    "target with a control byte": b"GET /v1/\x01models HTTP/1.1\r\nHost: a\r\n\r\n",
    "method that is no token": b"G(T /v1/models HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS bytes": bytes.fromhex("16030100c8010000c40303") + bytes(190),
}
VERSIONS = {
    "HTTP/2.0": b"GET /v1/models HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/1.2": b"GET /v1/models HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/0.9 with a version": b"GET /v1/models HTTP/0.9\r\nHost: a\r\n\r\n",
    "lower case": b"GET /v1/models http/1.1\r\nHost: a\r\n\r\n",
    "HTTP/11": b"GET /v1/models HTTP/11\r\nHost: a\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
LIMITS = {
    "header section over 32 KiB": (431, b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"X: " + b"a" * 33_000 + b"\r\n\r\n"),
    "many small fields over 32 KiB": (431, b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"Abc: 1\r\n" * 99
                                      + b"X: " + b"a" * 32_500 + b"\r\n\r\n"),
    "more than 100 fields": (431, b"GET /v1/models HTTP/1.1\r\nHost: a\r\n" + b"A: 1\r\n" * 100 + b"\r\n"),
    "target over 8 KiB": (414, b"GET /" + b"a" * 8_200 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
    "target over 8 KiB, unfinished": (414, b"GET /" + b"a" * 9_000),
    "length over the body limit": (413, post(b"Content-Length: 33554433", body=b"")),
    "length far over the body limit": (413, post(b"Content-Length: 99999999999999", body=b"{")),
    "chunk over the body limit": (413, chunked(b"2000001\r\n" + b"a" * 1000, end=b"")),
}


def refused(gateway, lab, data, statuses, code=None):
    """Sends `data` and a request behind it: one refusal, then the end. The lab has seen nothing."""
    before = lab.stats()["requests"]
    with gateway.raw() as connection:
        connection.send(data)
        answer = connection.read()
        assert answer.status in statuses, answer
        if code:
            assert answer.error["code"] == code, answer
        assert answer.error["type"] == ("server_error" if answer.status >= 500 else "invalid_request_error")
        assert answer.closed, "connection: close is missing"
        assert connection.at_end(), "the connection is still open"
    assert lab.stats()["requests"] == before, "it reached the upstream"
    return answer


@pytest.mark.parametrize("name", FRAMING)
def test_an_ambiguous_length_is_refused(gateway, lab, name):
    refused(gateway, lab, FRAMING[name] + SMUGGLED, {400}, "invalid_framing")


@pytest.mark.parametrize("name", CODINGS)
def test_a_coding_other_than_one_chunked_is_refused(gateway, lab, name):
    refused(gateway, lab, chunked(WHOLE_CHUNK, coding=CODINGS[name]) + SMUGGLED, {400, 501})


@pytest.mark.parametrize("name", CHUNKS)
def test_a_malformed_chunk_is_refused(gateway, lab, name):
    refused(gateway, lab, CHUNKS[name] + SMUGGLED, {400}, "invalid_framing")


def test_extensions_without_end_are_refused(gateway, lab):
    data = chunked(*[b"1;" + b"a" * 4000 + b"\r\nx\r\n"] * 20)
    refused(gateway, lab, data, {400, 413})


def test_trailers_over_8_kib_are_refused(gateway, lab):
    refused(gateway, lab, chunked(WHOLE_CHUNK, end=b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n"), {400, 413, 431})


@pytest.mark.parametrize("name", HEADERS)
def test_a_malformed_header_is_refused(gateway, lab, name):
    refused(gateway, lab, HEADERS[name] + SMUGGLED, {400})


@pytest.mark.parametrize("name", VERSIONS)
def test_another_version_is_refused(gateway, lab, name):
    refused(gateway, lab, VERSIONS[name], {400, 505})


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_over_a_limit_is_refused_at_once(gateway, lab, name):
    status, data = LIMITS[name]
    refused(gateway, lab, data, {status}, "request_too_large" if status == 413 else None)


def test_an_announced_length_is_not_allocated(gateway, lab):
    before = gateway.rss_kib()
    connections = [gateway.raw().send(post(b"Content-Length: 33554432", body=b"{")) for _ in range(50)]
    wait_until(lambda: gateway.metric("sluice_connections", side="client") >= 50 or True, 1)
    assert gateway.rss_kib() - before < 32 * 1024
    for connection in connections:
        connection.close()


@pytest.mark.parametrize("name", ["length and coding", "coding chunked twice", "length twice, equal"])
@pytest.mark.parametrize("size", [1, 3, 64])
def test_the_verdict_does_not_depend_on_the_segments(gateway, lab, name, size):
    with gateway.raw() as connection:
        head, _, _ = FRAMING[name].partition(b"\r\n\r\n")
        connection.send_slowly(head + b"\r\n\r\n", size)
        answer = connection.read()
    assert (answer.status, answer.error["code"]) == (400, "invalid_framing")


def test_what_a_client_sent_is_not_echoed(gateway):
    with gateway.raw() as connection:
        answer = connection.send(b"GET /<script>alert(1)</script>\xff HTTP/1.1\r\nHost: a\r\n\r\n").read()
    assert b"<script>" not in answer.body


@pytest.mark.seconds(90)
def test_random_bytes_do_no_harm(gateway, lab):
    """Mutations of good requests, cut anywhere; the gateway answers or closes, and all its descriptors come back."""
    chance = random.Random(20261)
    good = [post(b"Content-Length: " + SIZE), chunked(WHOLE_CHUNK), b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"]
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
    wait_until(lambda: gateway.descriptors() <= base + 8, 8, what="the descriptors are back")
    assert gateway.chat().status == 200

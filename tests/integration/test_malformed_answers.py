"""ROBUSTNESS.md section 6, the row about malformed answers, byte by byte: each is a 502 of which the caller sees nothing,
and its connection is never used again."""

import re

import pytest
from harness import FORGIVING, Gateway, config, wait_until
from scripted import Scripted, chunk, chunks, event, head, sized, stream, whole

SECRET = "forbidden-fruit"
BODY = whole(SECRET)
SIZE = b"%d" % len(BODY)
LENGTH = b"Content-Length: " + SIZE
CHUNKED = b"Transfer-Encoding: chunked"
INVALID = (502, "upstream_invalid_response")
UNAVAILABLE = (502, "upstream_unavailable")
CUT = (502, "stream_interrupted")
EMPTY = (502, "upstream_empty_answer")


def status(line):
    return head(LENGTH, status=line) + BODY


def field(line):
    return head(LENGTH, line) + BODY


def in_chunks(data):
    return head(CHUNKED) + data


INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
GOOD_CHUNK = b"%x\r\n%s\r\n" % (len(BODY), BODY)


def rows(verdict, answers):
    return {name: (verdict, answer) for name, answer in answers.items()}


# Nobody can know where these end, or whether they are HTTP.
BROKEN = rows(INVALID, {
    # two lengths, length + coding
    "length twice, equal": head(LENGTH, LENGTH) + BODY,
    "length twice, different": head(LENGTH, b"Content-Length: 5") + BODY,
    "length and chunked": head(LENGTH, CHUNKED) + GOOD_CHUNK + b"0\r\n\r\n",
    "chunked and length": head(CHUNKED, LENGTH) + GOOD_CHUNK + b"0\r\n\r\n",
    "chunked and length zero": head(CHUNKED, b"Content-Length: 0") + GOOD_CHUNK + b"0\r\n\r\n",
    "length listed": head(b"Content-Length: " + SIZE + b", " + SIZE) + BODY,
    "length empty": head(b"Content-Length: ") + BODY,
    "length negative": head(b"Content-Length: -" + SIZE) + BODY,
    "length with a plus": head(b"Content-Length: +" + SIZE) + BODY,
    "length hexadecimal": head(b"Content-Length: 0x%x" % len(BODY)) + BODY,
    "length over 64 bits": head(b"Content-Length: 18446744073709551617") + BODY,
    "length quoted": head(b'Content-Length: "' + SIZE + b'"') + BODY,
    "chunked twice": head(CHUNKED, CHUNKED) + GOOD_CHUNK + b"0\r\n\r\n",
    "chunked, chunked": head(b"Transfer-Encoding: chunked, chunked") + GOOD_CHUNK + b"0\r\n\r\n",
    "chunked, gzip": head(b"Transfer-Encoding: chunked, gzip") + GOOD_CHUNK + b"0\r\n\r\n",
    "gzip, chunked": head(b"Transfer-Encoding: gzip, chunked") + GOOD_CHUNK + b"0\r\n\r\n",
    "coding identity": head(b"Transfer-Encoding: identity") + BODY,
    "coding empty": head(b"Transfer-Encoding: ") + BODY,
    "coding in HTTP/1.0": head(CHUNKED, status=b"HTTP/1.0 200 OK") + GOOD_CHUNK + b"0\r\n\r\n",
    # bad chunk
    "size not hexadecimal": in_chunks(b"xyz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "size with 0x": in_chunks(b"0x5\r\naaaaa\r\n0\r\n\r\n"),
    "size negative": in_chunks(b"-5\r\naaaaa\r\n0\r\n\r\n"),
    "size of 16 digits": in_chunks(b"0000000000000005\r\naaaaa\r\n0\r\n\r\n"),
    "size empty": in_chunks(b"\r\n" + BODY),
    "size line ends with LF": in_chunks(b"%x\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"),
    "data longer than its size": in_chunks(b"5\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "data ends with LF": in_chunks(b"%x\r\n" % len(BODY) + BODY + b"\n0\r\n\r\n"),
    "bad chunk behind a good one": in_chunks(GOOD_CHUNK + b"zz\r\n"),
    "extension with a control byte": in_chunks(b"%x;a=\x01\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"),
    "trailer without a colon": in_chunks(GOOD_CHUNK + b"0\r\nx\r\n\r\n"),
    "trailer over 8 KiB": in_chunks(GOOD_CHUNK + b"0\r\nX: " + b"a" * 9000 + b"\r\n\r\n"),
    "extensions over 64 KiB": in_chunks(b"1;" + b"a" * 66_000 + b"\r\n{\r\n"),
    # NUL, folding, header > 64 KiB
    "NUL in a field": field(b"X: a\0b"),
    "control byte in a field": field(b"X: a\x02b"),
    "folded field": field(b"X: a\r\n b"),
    "space before the colon": field(b"X : a"),
    "no colon": field(b"just text"),
    "empty name": field(b": a"),
    "name that is no token": field(b"X(Y): a"),
    "bare LF": field(b"X: a\nY: b"),
    "bare CR": field(b"X: a\rY: b"),
    "only LF": head(LENGTH).replace(b"\r\n", b"\n") + BODY,
    "one field over 64 KiB": field(b"X: " + b"a" * 66_000),
    "many fields": head(LENGTH, *[b"X: a"] * 300) + BODY,
    "a field without end": head(LENGTH)[:-2] + b"X: " + b"a" * 200_000,
    # the status line
    "version 2": status(b"HTTP/2 200 OK"),
    "version 2.0": status(b"HTTP/2.0 200 OK"),
    "version 1.2": status(b"HTTP/1.2 200 OK"),
    "another protocol": status(b"ICY 200 OK"),
    "status of two digits": status(b"HTTP/1.1 20 OK"),
    "status of four digits": status(b"HTTP/1.1 2000 OK"),
    "status 600": status(b"HTTP/1.1 600 OK"),
    "status 000": status(b"HTTP/1.1 000 OK"),
    "status in letters": status(b"HTTP/1.1 OK 200"),
    "two spaces before the status": status(b"HTTP/1.1  200 OK"),
    "no head at all": BODY,
    "an SSH greeting": b"SSH-2.0-x\r\n",
    "TLS bytes": bytes.fromhex("15030100020228"),
    "an empty line in front": b"\r\n" + sized(BODY),
    # 101, > 20 interim answers
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n" + BODY,
    "21 interim answers": INTERIM * 21 + sized(BODY),
    "an interim answer with a body": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\naaaaa" + sized(BODY),
    "an interim answer in chunks": b"HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + sized(BODY),
    # unasked compression
    "gzip": field(b"Content-Encoding: gzip"),
    "br": field(b"Content-Encoding: br"),
    "identity, gzip": field(b"Content-Encoding: identity, gzip"),
    "204 with a length": head(LENGTH, status=b"HTTP/1.1 204 No Content") + BODY,
    # body over its limit
    "announced over the limit": head(b"Content-Length: 99999999") + BODY,
    "over the limit to the close": head() + b" " * 100_000,
}) | rows(UNAVAILABLE, {
    "closed before the head": b"",
    "closed inside the status line": b"HTTP/1.1 2",
    "closed inside the head": head(LENGTH)[:-2],
    "closed behind an interim answer": INTERIM,
})
CUT_SHORT = rows(CUT, {
    "closed before the body": head(LENGTH),
    "closed inside the body": head(LENGTH) + BODY[:-3],
    "closed inside a chunk": in_chunks(b"%x\r\n" % len(BODY) + BODY[:-3]),
    "closed before the last chunk": in_chunks(GOOD_CHUNK),
    "closed inside the last chunk": in_chunks(GOOD_CHUNK + b"0\r\n"),
})
# Well framed, but nothing that a caller of this API could read.
WRONG = rows(INVALID, {
    "204": head(status=b"HTTP/1.1 204 No Content"),
    "304": head(status=b"HTTP/1.1 304 Not Modified"),
    "300": status(b"HTTP/1.1 300 Multiple Choices"),
    "over the limit in chunks": in_chunks(chunks(*[b" " * 4096] * 20)),
    "empty body": sized(b""),
    "another type": sized(BODY, kind=b"text/plain"),
    "HTML": sized(b"<html><body>" + SECRET.encode() + b"</body></html>", kind=b"text/html"),
    "HTML called JSON": sized(b"<html><body>" + SECRET.encode() + b"</body></html>"),
    "a stream": sized(stream(SECRET), kind=b"text/event-stream"),
    "no JSON": sized(SECRET.encode()),
    "cut JSON": sized(BODY[:-1]),
    "two documents": sized(BODY + BODY),
    "bytes behind the document": sized(BODY + b"x"),
    "not UTF-8": sized(BODY.replace(b"fruit", b"\xff\xfe")),
    "NaN": sized(BODY[:-1] + b',"x":NaN}'),
    "nested too deeply": sized(BODY[:-1] + b',"x":' + b"[" * 300 + b"]" * 300 + b"}"),
    "a list": sized(b"[1]"),
    "a text": sized(b'"' + SECRET.encode() + b'"'),
    "null": sized(b"null"),
    "no choices": sized(b'{"id":"x","object":"chat.completion"}'),
    "choices that are no list": sized(b'{"choices":{"0":"' + SECRET.encode() + b'"}}'),
}) | rows(EMPTY, {
    "no content": sized(whole(None).replace(b'"completion_tokens": 1', b'"completion_tokens": 0')),
    "no choice": sized(b'{"choices":[]}'),
})
EVENT = event(chunk(SECRET))


def as_stream(data):
    return sized(data, kind=b"text/event-stream")


# What a client that asked for a stream gets when it has seen nothing yet.
WRONG_STREAMS = rows(INVALID, {
    "a whole answer": sized(BODY),
    "no type": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(EVENT) + EVENT,
    "HTML instead of events": sized(b"<html>" + SECRET.encode(), kind=b"text/html"),
    "an event that is no JSON": as_stream(event(SECRET.encode()) + EVENT),
    "an event that is a list": as_stream(event(b"[1]") + EVENT),
    "an event that is cut JSON": as_stream(event(chunk(SECRET)[:-1])),
    "an event that is not UTF-8": as_stream(event(chunk("a").replace(b'"a"', b'"\xff"'))),
    "an event over a mebibyte": as_stream(event(chunk(SECRET + "a" * (1 << 20)))),
    "a comment without end": as_stream(b": " + b"a" * (2 << 20)),
    "events without content, over a mebibyte": as_stream(event(chunk("")) * 9000),
}) | rows(EMPTY, {
    "an empty stream": as_stream(b""),
    "comments": as_stream(b": a\n\n" * 3),
    "only its end": as_stream(event(b"[DONE]")),
})
BROKEN_STREAMS = rows(INVALID, {
    "a stream with a bad chunk": head(CHUNKED, kind=b"text/event-stream") + b"xyz\r\n" + EVENT,
}) | rows(CUT, {
    "closed before an event": head(CHUNKED, kind=b"text/event-stream"),
    "closed inside an event": head(CHUNKED, kind=b"text/event-stream") + chunks(EVENT[:-5], end=b""),
})
TABLE = {**BROKEN, **CUT_SHORT, **WRONG, **WRONG_STREAMS, **BROKEN_STREAMS}
MODELS = {name: re.sub(r"[^a-z0-9]+", "-", name.lower()) for name in TABLE}
assert len(set(MODELS.values())) == len(TABLE) == sum(map(len, (BROKEN, CUT_SHORT, WRONG, WRONG_STREAMS, BROKEN_STREAMS)))


@pytest.fixture(scope="module")
def upstream():
    answers = {"good": sized(whole("good")), "good-stream": sized(stream("good"), kind=b"text/event-stream")}
    answers |= {MODELS[name]: answer for name, (_, answer) in TABLE.items()}
    ends = {MODELS[name]: "close" for name in TABLE if name.startswith("closed") or name.endswith("to the close")}
    with Scripted(answers, ends) as running:
        yield running


@pytest.fixture(scope="module")
def lone(folder, lab, upstream):
    """One attempt, one worker: whatever was left in a connection would meet the next request."""
    providers = {"lab": upstream.provider()}
    defaults = FORGIVING | {"retry": {"attempts": 0}, "timeout": {"whole_answer": "3s", "first_token": "3s", "idle": "3s"}}
    server = {"workers": 1, "limits": {"max_answer": "64KiB"}}
    settings = config(lab, providers=providers, models={"*": "lab/*"}, defaults=defaults, server=server)
    with Gateway(folder, settings, name="lone") as running:
        yield running


class Reuse:
    never = staticmethod(lambda opened: opened >= 1)
    at_the_boundary = staticmethod(lambda opened: opened <= 1)


def check(lone, upstream, name, stream, reuse):
    """The row's status and code, none of its bytes; and the next answer, perhaps on the same connection, is its own."""
    assert lone.chat("good").content == "good"
    connections = upstream.connections
    answer = lone.chat(MODELS[name], stream=stream)
    assert (answer.status, answer.error["code"]) == TABLE[name][0], answer
    assert SECRET not in answer.text + str(answer.headers), "its bytes were shown"
    assert "html" not in answer.text.lower()
    assert lone.chat("good").content == "good"
    assert reuse(upstream.connections - connections), "which connection was used"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_answer_is_a_502_and_its_connection_is_never_used_again(lone, upstream, name, stream):
    check(lone, upstream, name, stream, Reuse.never)


@pytest.mark.parametrize("name", CUT_SHORT)
def test_an_answer_that_is_cut_is_never_shown(lone, upstream, name):
    check(lone, upstream, name, False, Reuse.never)


@pytest.mark.parametrize("name", WRONG)
def test_an_answer_that_is_none_is_a_502(lone, upstream, name):
    check(lone, upstream, name, False, Reuse.at_the_boundary)


@pytest.mark.parametrize("name", WRONG_STREAMS)
def test_a_stream_that_is_none_is_a_502_while_the_client_has_seen_nothing(lone, upstream, name):
    check(lone, upstream, name, True, Reuse.at_the_boundary)


@pytest.mark.parametrize("name", BROKEN_STREAMS)
def test_a_broken_stream_is_a_502_while_the_client_has_seen_nothing(lone, upstream, name):
    check(lone, upstream, name, True, Reuse.never)


def test_the_table_is_about_faults_and_not_about_the_upstream(lone, upstream):
    """The same upstream with good answers is served, and on one connection."""
    lone.chat("good")
    connections = upstream.connections
    for _ in range(3):
        assert lone.chat("good").content == "good"
        assert lone.chat("good-stream", stream=True).content == "good"
    assert upstream.connections == connections


# --- poison: what stands behind the end of an answer ---------------------------------------------------------------

POISON = sized(whole("poison"))
BEHIND = {
    "bytes": [sized(whole("fine")) + b"poison"],
    "a whole answer": [sized(whole("fine")) + POISON],
    "a whole answer, a moment later": [sized(whole("fine")), 0.03, POISON],
    "a whole answer behind chunks": [head(CHUNKED) + chunks(whole("fine")) + POISON],
    "a whole answer behind chunks, a moment later": [head(CHUNKED) + chunks(whole("fine")), 0.03, POISON],
    "an interim answer": [sized(whole("fine")) + INTERIM],
    "half of a status line": [sized(whole("fine")) + b"HTTP/1.1 2"],
    "a line end": [sized(whole("fine")) + b"\r\n"],
    "a NUL": [sized(whole("fine")) + b"\0"],
    "an answer behind a 204's head": [head(status=b"HTTP/1.1 204 No Content") + POISON],
}


@pytest.mark.parametrize("name", BEHIND)
def test_what_stands_behind_an_answer_never_answers_another_call(folder, lab, name):
    """The gateway has one worker and one connection: the next call would get it. It looks right before the reuse. (What comes
    between that look and the answer can't be told from the answer, by anybody.)"""
    with Scripted({"glued": BEHIND[name], "mine": sized(whole("mine"))}) as upstream:
        providers = {"lab": upstream.provider(pool={"max_open": 1})}
        settings = config(lab, providers=providers, models={"*": "lab/*"}, server={"workers": 1},
                          defaults=FORGIVING | {"retry": {"attempts": 0}})
        with Gateway(folder, settings, name="glued") as gateway:
            for _ in range(5):
                first = gateway.chat("glued")
                assert first.status in (200, 502) and "poison" not in first.text
                wait_until(lambda: upstream.said == len(upstream.requests), 5, what="the poison is out")
                assert gateway.chat("mine").content == "mine"
        used = [connection for connection, _, body in upstream.requests if '"glued"' in body]
        assert len(set(used)) == 5, "a connection with bytes behind its answer was used again"

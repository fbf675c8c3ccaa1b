"""PROMISES.md R24: valid events reach the client byte for byte, nobody can smuggle a line into a stream, and one event has a
limit, however the bytes arrive."""

import json
import re
import threading

import pytest
from harness import FORGIVING, Gateway, ask, chat_body, config, parse_events, request_bytes
from scripted import Scripted, chunk, chunks, event, head, sized

STREAM = b"text/event-stream"
DONE = b"data: [DONE]\n\n"
STOP = event(chunk(None, "stop"))
BREAKS = {"LF": "\n", "CR": "\r", "CR LF": "\r\n", "NUL": "\0", "line separator": "\u2028", "paragraph separator": "\u2029",
          "next line": "\u0085", "vertical tab": "\x0b", "form feed": "\x0c", "byte order mark": "\ufeff", "escape": "\x1b"}
EVIL = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"evil\"}}]}"


def evil(between):
    """What would be a second event, if `between` ended a line."""
    return f"a{between}{between}{EVIL}{between}{between}event: error{between}data: [DONE]{between}{between}"


# Valid events that must not be touched, however odd they look.
EXACT = {
    "plain": event(chunk("a")),
    "no blank behind the colon": b"data:" + chunk("a") + b"\n\n",
    "blanks around the JSON": b"data:   " + chunk("a") + b"  \n\n",
    "escapes": event(b'{"id":"\\u0078","choices":[{"index":0,"delta":{"content":"\\u00e9\\/\\ud83d\\ude00\\n\\r\\u2028\\u0000"}}]}'),
    "raw separators of lines": event('{"id":"x","choices":[{"index":0,"delta":{"content":"a\u2028b\u2029c\u0085d\ufeff"}}]}'.encode()),
    "digits as they are": event(b'{"id":"x","created":1.0e3,"big":12345678901234567890123,"neg":-0.0,"choices":[{"index":0,"delta":{"content":"a"}}]}'),
    "unknown members": event(b'{"vendor":{"deep":[1,[2,{"a":null}]]},"choices":[{"index":0,"delta":{"content":"a"},"odd":true}],"id":"x"}'),
    "half of a pair": event(b'{"id":"x","choices":[{"index":0,"delta":{"content":"\\ud83d"}}]}')
    + event(b'{"id":"x","choices":[{"index":0,"delta":{"content":"\\ude00"}}]}'),
    "white space inside": event(b'{ "id" : "x" ,\t"choices" : [ { "index" : 0 , "delta" : { "content" : "a" } } ] }'),
    "data: inside a text": event(chunk("data: x")) + event(chunk("[DONE]")) + event(chunk(": comment")),
    "the same name twice": event(b'{"id":"x","id":"y","choices":[{"index":0,"delta":{"content":"a"}}]}'),
    "many choices": event(b'{"id":"x","choices":[{"index":0,"delta":{"content":"a"}},{"index":1,"delta":{"content":"b"}}]}')
                    + event(b'{"id":"x","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}'),
    "no content at all": event(chunk("a")) + event(b'{"id":"x","choices":[{"index":0,"delta":{}}]}'),
    "a tool call": event(b'{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\\"a\\":\\"\\\\n\\"}"}}]}}]}')
                   + event(b'{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}'),
    "just below the limit": event(chunk("a" * ((1 << 20) - 200))),
}


@pytest.fixture(scope="module")
def upstream():
    with Scripted() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab, upstream):
    settings = config(lab, providers={"lab": upstream.provider(), "real": {"type": "openai", "base_url": lab.url(), "api_key": "sk-x"}},
                      models={"lab": "real/echo", "*": "lab/*"}, defaults=FORGIVING | {"retry": {"attempts": 0}})
    with Gateway(folder, settings, name="events") as running:
        yield running


def in_pieces(data, size):
    return [head(b"Transfer-Encoding: chunked", kind=STREAM), *[chunks(data[at : at + size], end=b"") for at in range(0, len(data), size)],
            b"0\r\n\r\n"]


def relayed(gateway, upstream, data, size=None):
    """What a client gets of a stream of these bytes; `size`: of the upstream's chunks and segments."""
    upstream.answers["m"] = in_pieces(data, size) if size else sized(data, kind=STREAM)
    answer = gateway.chat("m", stream=True, timeout=30)
    assert answer.status == 200 and answer.complete, answer
    return answer


def relayed_behind_a_first_event(gateway, upstream, data, size=None):
    """The same, but the client has seen an event before the upstream sends `data`: the gateway can't start anew."""
    seen = threading.Event()
    pieces = in_pieces(data, size or len(data))
    upstream.answers["m"] = [pieces[0], chunks(event(chunk("fine")), end=b""), seen, *pieces[1:]]
    with gateway.raw(timeout=30) as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("m", stream=True)))
        answer = connection.read_head()
        answer.body = connection.read_chunk()
        seen.set()
        while piece := connection.read_chunk():
            answer.body += piece
        assert connection.at_end()
    return answer


@pytest.mark.parametrize("size", [None, 1, 2, 7, 64])
@pytest.mark.parametrize("name", EXACT)
def test_a_valid_event_is_relayed_byte_for_byte(gateway, upstream, name, size):
    data = EXACT[name] + (STOP if b"tool_calls" not in EXACT[name] else b"") + DONE
    if size and len(data) > 100_000:
        size *= 4096
    assert relayed(gateway, upstream, data, size).body == data


@pytest.mark.parametrize("size", [None, 1, 3])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_other_spellings_of_a_stream_mean_the_same(gateway, upstream, end, size):
    """Line ends, comments, names of events, ids, data over several lines: what a client parses is what was meant."""
    lines = ["\ufeff: comment", "", "event: x", "id: 1", "data: " + chunk("a").decode(), "", "retry: 10", "", ": data: " + EVIL, "",
             'data: {"id":"x",', 'data:"choices":[{"index":0,', 'data: "delta":{"content":"b"}}]}', "", "data", "",
             "data: " + chunk(None, "stop").decode(), "", "data: [DONE]", "", ""]
    answer = relayed(gateway, upstream, end.join(lines).encode(), size)
    assert answer.content == "ab" and answer.finished
    assert b"comment" not in answer.body and b"evil" not in answer.body
    assert_only_events(answer.body)


def assert_only_events(body):
    """Every line that any reader of event streams would see is the data of an event, or the blank line behind it."""
    assert b"\r" not in body and b"\0" not in body
    for line in body.decode().split("\n"):
        assert line == "" or line.startswith("data:"), line
    for each in body.decode().split("\n\n")[:-1]:
        data = "\n".join(line[5:].removeprefix(" ") for line in each.split("\n"))
        assert data == "[DONE]" or isinstance(json.loads(data), dict), each


TEMPLATE = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "f", "service_tier": "s",
            "vendor": "v", "choices": [{"index": 0, "delta": {"role": "assistant", "content": "c", "refusal": "r", "reasoning_content": "t",
                                                              "tool_calls": [{"index": 0, "id": "i", "type": "function",
                                                                              "function": {"name": "n", "arguments": "a"}}]},
                                        "logprobs": {"content": [{"token": "t"}]}, "finish_reason": None}]}


def places(value, path=()):
    """The path of every text in a document."""
    if isinstance(value, str):
        return [path]
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []
    return [place for name, each in pairs for place in places(each, (*path, name))]


def put(document, path, text):
    document = json.loads(json.dumps(document))
    at = document
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = text
    return document


@pytest.mark.parametrize("usage", [False, True], ids=["", "usage"])
@pytest.mark.parametrize("path", places(TEMPLATE), ids=lambda path: "/".join(map(str, path)))
def test_no_text_of_an_upstream_begins_a_line(gateway, upstream, path, usage):
    """Every kind of line break, escaped or raw, in every text of a chunk; also where the gateway writes the chunk anew."""
    for between in BREAKS.values():
        for ascii_only in (True, False):
            document = put(TEMPLATE, path, evil(between)) | ({"usage": {"prompt_tokens": 1, "completion_tokens": 1}} if usage else {})
            data = event(json.dumps(document, ensure_ascii=ascii_only).encode()) + STOP + DONE
            upstream.answers["m"] = sized(data, kind=STREAM)
            answer = gateway.chat("m", stream=True, stream_options={"include_usage": usage})
            assert_only_events(answer.body)
            events = parse_events(answer.body)
            assert len(events) == 2 + usage and answer.body.count(b"[DONE]\n") == 1, answer.body
            kept = {name: each for name, each in document.items() if name != "usage"} | {"object": "chat.completion.chunk"}
            assert {name: each for name, each in events[0].items() if name != "usage"} == kept


@pytest.mark.parametrize("where", ["message", "type", "code", "param"])
@pytest.mark.parametrize("between", BREAKS)
def test_no_text_of_an_upstreams_error_begins_a_line(gateway, upstream, where, between):
    """In the error event that the gateway writes, and in an error before the first token."""
    failure = {"error": {"message": "m", "type": "t", "code": "c", "param": "p"} | {where: evil(BREAKS[between])}}
    answer = relayed_behind_a_first_event(gateway, upstream, event(json.dumps(failure).encode()))
    assert_only_events(answer.body)
    assert len(answer.events) == 2 and "error" in answer.events[-1] and b"[DONE]\n" not in answer.body
    body = json.dumps(failure).encode()
    for status in (b"400", b"404", b"500"):
        upstream.answers["m"] = head(b"Content-Length: %d" % len(body), status=b"HTTP/1.1 " + status + b" X") + body
        refused = gateway.chat("m", stream=True)
        assert refused.error and len(refused.body.splitlines()) == 1


@pytest.mark.parametrize("between", ["\n", "\r", "\r\n"])
def test_a_raw_line_break_inside_an_event_is_a_fault(gateway, upstream, between):
    """It cuts the JSON in two: neither half is shown, and what stands behind it is no event either."""
    broken = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"' + evil(between).encode() + b'"}}]}\n\n'
    answer = relayed_behind_a_first_event(gateway, upstream, broken + STOP + DONE)
    assert_only_events(answer.body)
    assert answer.events[-1]["error"]["code"] == "stream_interrupted"
    assert b"[DONE]" not in answer.body and b"evil" not in answer.body


@pytest.mark.parametrize("size", [None, 4096, 65536])
def test_an_event_over_a_mebibyte_ends_the_stream(gateway, upstream, size):
    answer = relayed_behind_a_first_event(gateway, upstream, event(chunk("b" * (1 << 20))) + STOP + DONE, size)
    assert answer.events[0]["choices"][0]["delta"]["content"] == "fine"
    assert answer.events[-1]["error"]["code"] == "stream_interrupted"
    assert b"bbbb" not in answer.body and b"[DONE]" not in answer.body


@pytest.mark.seconds(600)
def test_a_long_stream_arrives_whole_from_single_bytes(gateway, lab, request):
    """The upstream sends every byte, chunk framing and all, in a write of its own."""
    tokens = 100_000 if request.config.getoption("--long") else 2_000
    words = " ".join(f"w{number}" for number in range(tokens))
    members = {"prompt": words, "stream": True, "stream_options": {"include_usage": True}}
    direct = ask(lab.port, "POST", "/v1/chat/completions", body=chat_body("echo", **members), timeout=120)
    answer = gateway.chat("lab", **members, lab={"write_size": 1}, timeout=500)
    assert answer.finished and answer.complete and answer.content == words
    same = re.compile(rb'"(id|created|model)":("[^"]*"|\d+)')  # what the lab makes anew for each answer
    assert same.sub(b"", answer.body) == same.sub(b"", direct.body)
    assert len(answer.events) >= tokens

"""ROBUSTNESS.md section 4: which bodies are refused, how, and that the connection lives on. What they cost is in
test_hostile_json.py."""

import json

import pytest
from harness import chat_body, request_bytes, wait_until

GOOD = json.dumps(chat_body()).encode()

def parts(part):
    return b'{"model":"fast","messages":[{"role":"user","content":[' + part + b"]}]}"


def calls(call):
    return b'{"model":"fast","messages":[{"role":"assistant","tool_calls":[' + call + b"]}]}"


NOT_JSON = {
    "empty": b"",
    "not JSON": b"hello",
    "cut": GOOD[:-1],
    "two documents": GOOD + GOOD,
    "bytes behind it": GOOD + b" x",
    "not UTF-8": GOOD.replace(b"canary", b"can\xff\xfe"),
    "a lone surrogate's bytes": GOOD.replace(b"canary", b"\xed\xa0\x80"),
    "a list": b"[]",
    "a text": b'"model"',
    "null": b"null",
    "a trailing comma": GOOD[:-1] + b",}",
    "a single-quoted text": b"{'model':'fast'}",
    "a comment": b"{/* */" + GOOD[1:],
    "NaN": GOOD[:-1] + b',"temperature":NaN}',
    "Infinity": GOOD[:-1] + b',"temperature":Infinity}',
    "a number with a plus": GOOD[:-1] + b',"temperature":+1}',
    "a number with a leading zero": GOOD[:-1] + b',"temperature":01}',
    "a number of 80 digits": GOOD[:-1] + b',"seed":' + b"9" * 80 + b"}",
    "a raw control byte in a text": GOOD.replace(b"canary", b"can\x01ry"),
    "a bad escape": GOOD.replace(b"canary", b"can\\xry"),
    "a number of 65 characters": GOOD[:-1] + b',"seed":' + b"9" * 65 + b"}",
    "a number out of range": GOOD[:-1] + b',"seed":1e309}',
    "a number out of range by its digits": GOOD[:-1] + b',"seed":-17976931348623159' + b"0" * 40 + b"e260}",
    "minus Infinity": GOOD[:-1] + b',"temperature":-Infinity}',
    "a hexadecimal number": GOOD[:-1] + b',"seed":0x10}',
    "a number with a bare point": GOOD[:-1] + b',"seed":1.}',
    "a number that begins with a point": GOOD[:-1] + b',"seed":.5}',
    "a number with an empty exponent": GOOD[:-1] + b',"seed":1e}',
    "a word": GOOD[:-1] + b',"seed":undefined}',
    "a word in capitals": GOOD[:-1] + b',"stream":True}',
    "a name without quotes": b'{model:"fast",' + GOOD[1:],
    "a name that is a number": b'{1:2,' + GOOD[1:],
    "no colon": b'{"seed" 1,' + GOOD[1:],
    "no comma": b'{"seed":1 ' + GOOD[1:],
    "a comma in front": b"{," + GOOD[1:],
    "an unclosed list": GOOD[:-1] + b',"x":[1}',
    "a list closed as an object": GOOD[:-1] + b',"x":[1}}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a NUL behind it": GOOD + b"\0",
    "a NUL in a text": GOOD.replace(b"canary", b"can\0ry"),
    "an overlong slash": GOOD.replace(b"canary", b"can\xc0\xafry"),
    "a code point over the end": GOOD.replace(b"canary", b"\xf4\x90\x80\x80"),
    "a cut character": GOOD.replace(b'canary', b'can\xe2\x82'),
    "half of an escaped pair": GOOD.replace(b"canary", b"\\ud83d"),
    "the other half": GOOD.replace(b"canary", b"\\ude00"),
    "a raw line end in a text": GOOD.replace(b"canary", b"can\nry"),
    "a cut escape": GOOD.replace(b"canary", b"can\\u12"),
    "a number": b"1",
    "true": b"true",
    "blanks": b" \r\n\t ",
    "form fields": b"model=fast&messages=x",
    "lines of documents": GOOD + b"\n" + GOOD,
    "nested 129 deep": GOOD[:-1] + b',"x":' + b"[" * 128 + b"]" * 128 + b"}",
    "nested 200 deep": GOOD[:-1] + b',"x":' + b"[" * 200 + b"]" * 200 + b"}",
    "nested a million deep": GOOD[:-1] + b',"x":' + b"[" * 1_000_000,
}
DUPLICATES = {
    "model": GOOD[:-1] + b',"model":"other"}',
    "stream": GOOD[:-1] + b',"stream":true,"stream":false}',
    "model, escaped": GOOD[:-1] + b',"mod\\u0065l":"other"}',
    "an unknown member": GOOD[:-1] + b',"x":1,"x":2}',
    "messages": GOOD[:-1] + b',"messages":[]}',
    "max_tokens": GOOD[:-1] + b',"max_tokens":1,"max_tokens":100}',
    "by two escapes": GOOD[:-1] + b',"\\u0061":1,"\\u0061":2}',
    "by a pair": GOOD[:-1] + ',"😀":1,"\\ud83d\\ude00":2}'.encode(),
    "empty names": GOOD[:-1] + b',"":1,"":2}',
    "in a message": GOOD.replace(b'"role"', b'"role":"system","role"'),
    "in a message, escaped": GOOD.replace(b'"role"', b'"content":"","role"').replace(b'"content": ', b'"c\\u006fntent": '),
    "in a part": parts(b'{"type":"text","text":"a","text":"much more"}'),
    "in a part, escaped": parts(b'{"type":"text","text":"a","te\\u0078t":"much more"}'),
    "in a tool call": calls(b'{"id":"a","function":{"arguments":"{}"},"function":{"arguments":"{\\"a\\":1}"}}'),
    "in a tool call's function": calls(b'{"id":"a","function":{"name":"f","arguments":"{}","arguments":"{\\"a\\":1}"}}'),
    "in stream_options": GOOD[:-1] + b',"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}',
}
NULL = "stands for null, where None leaves a member out"
WRONG = {
    "no model": ({"model": None}, "model"),
    "model a number": ({"model": 7}, "model"),
    "model empty": ({"model": ""}, "model"),
    "model with a space": ({"model": "a b"}, "model"),
    "model with dots": ({"model": "a/../b"}, "model"),
    "model with a line": ({"model": "a\r\nX: y"}, "model"),
    "model too long": ({"model": "a" * 129}, "model"),
    "messages missing": ({"messages": None}, "messages"),
    "messages a text": ({"messages": "hello"}, "messages"),
    "messages empty": ({"messages": []}, "messages"),
    "stream a text": ({"stream": "yes"}, "stream"),
    "temperature a text": ({"temperature": "hot"}, "temperature"),
    "n zero": ({"n": 0}, "n"),
    "n huge": ({"n": 1000}, "n"),
    "n a fraction": ({"n": 1.5}, "n"),
    "max_tokens negative": ({"max_tokens": -1}, "max_tokens"),
    "max_tokens huge": ({"max_tokens": 10**12}, "max_tokens"),
    "max_completion_tokens a text": ({"max_completion_tokens": "many"}, "max_completion_tokens"),
    "stream_options a list": ({"stream": True, "stream_options": []}, "stream_options"),
    "include_usage a text": ({"stream": True, "stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
    "model null": ({"model": NULL}, "model"),
    "model a list": ({"model": ["fast"]}, "model"),
    "model that begins with a dot": ({"model": ".fast"}, "model"),
    "model that begins with a slash": ({"model": "/fast"}, "model"),
    "model that ends with dots": ({"model": "fast.."}, "model"),
    "model with a backslash": ({"model": "a\\b"}, "model"),
    "model with a question mark": ({"model": "a?b"}, "model"),
    "model with a fragment": ({"model": "a#b"}, "model"),
    "model with an escape": ({"model": "a%2fb"}, "model"),
    "model with a NUL": ({"model": "fast\0"}, "model"),
    "model outside ASCII": ({"model": "fäst"}, "model"),
    "model with a quote": ({"model": 'a"b'}, "model"),
    "messages null": ({"messages": NULL}, "messages"),
    "messages an object": ({"messages": {}}, "messages"),
    "messages of texts": ({"messages": ["hello"]}, "messages"),
    "messages with null": ({"messages": [NULL]}, "messages"),
    "a message without a role": ({"messages": [{"content": "x"}]}, "messages"),
    "a role that is a number": ({"messages": [{"role": 1}]}, "messages"),
    "stream a number": ({"stream": 1}, "stream"),
    "stream an object": ({"stream": {}}, "stream"),
    "temperature negative": ({"temperature": -0.1}, "temperature"),
    "temperature too high": ({"temperature": 2.1}, "temperature"),
    "temperature a list": ({"temperature": [1]}, "temperature"),
    "tools an object": ({"tools": {}}, "tools"),
    "n negative": ({"n": -1}, "n"),
    "n one above the cap": ({"n": 17}, "n"),
    "n a text": ({"n": "2"}, "n"),
    "n true": ({"n": True}, "n"),
    "n over 64 bits": ({"n": 10**30}, "n"),
    "best_of above the cap": ({"best_of": 17}, "best_of"),
    "best_of a fraction": ({"best_of": 2.5}, "best_of"),
    "max_tokens zero": ({"max_tokens": 0}, "max_tokens"),
    "max_tokens a fraction": ({"max_tokens": 10.5}, "max_tokens"),
    "max_tokens one above the cap": ({"max_tokens": 1_000_001}, "max_tokens"),
    "max_tokens over 64 bits": ({"max_tokens": 2**63}, "max_tokens"),
    "max_completion_tokens above the cap": ({"max_completion_tokens": 1_000_001}, "max_completion_tokens"),
}
FINE = {
    "unknown members": {"vendor": {"deep": [1, 2.50, "x"]}},
    "nested 40 deep": {"vendor": json.loads("[" * 40 + "]" * 40)},
    "nested 128 deep": {"vendor": json.loads("[" * 127 + "]" * 127)},
    "a number of 64 characters": {"vendor": int("9" * 64)},
    "the largest number": {"vendor": 1.7976931348623157e308},
    "the caps": {"n": 16, "max_tokens": 1_000_000, "max_completion_tokens": 1_000_000, "temperature": 2},
    "the same name in two objects": {"a": {"x": 1}, "b": {"x": 1}},
    "null where a default stands": {"temperature": None, "stream": None, "n": None, "max_tokens": None, "stop": None},
    "a surrogate pair": {"user": "\U0001f600"},
    "a zero temperature": {"temperature": 0, "top_p": 1},
}


def body_with(changes):
    body = {**chat_body(), **changes}
    return json.dumps({name: value for name, value in body.items() if value is not None}).replace(f'"{NULL}"', "null")


def refused(gateway, lab, body, code, param=None):
    before = lab.stats()["requests"]
    with gateway.raw() as connection:
        answer = connection.send(request_bytes("POST", "/v1/chat/completions", body=body)).read()
        assert (answer.status, answer.error["code"]) == (400, code), answer
        if param:
            assert answer.error["param"] == param
        assert not answer.closed
        assert connection.send(b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n").read().status == 200
    assert lab.stats()["requests"] == before


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_one_json_object_is_refused(gateway, lab, name):
    refused(gateway, lab, NOT_JSON[name], "invalid_json")


@pytest.mark.parametrize("name", DUPLICATES)
def test_a_name_that_occurs_twice_is_refused(gateway, lab, name):
    refused(gateway, lab, DUPLICATES[name], "duplicate_key")


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_refused_and_named(gateway, lab, name):
    changes, param = WRONG[name]
    refused(gateway, lab, body_with(changes), "invalid_value", param)


@pytest.mark.parametrize("name", FINE)
def test_what_is_unusual_but_right_passes(gateway, name):
    assert gateway.ask("POST", "/v1/chat/completions", body=chat_body() | FINE[name]).status == 200


@pytest.mark.parametrize("name, value", [
    *[("Content-Type", value) for value in ("text/plain", "text/json", "application/jsonx", "application/x-ndjson", "application/",
                                            "json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a",
                                            "text/plain; application/json", "application/json, text/plain")],
    *[("Content-Encoding", value) for value in ("gzip", "br", "deflate", "zstd", "identity", "", "gzip, identity")]])
def test_another_content_type_or_encoding_is_refused(gateway, lab, name, value):
    before = lab.stats()["requests"]
    answer = gateway.ask("POST", "/v1/chat/completions", headers={name: value}, body=chat_body())
    assert (answer.status, answer.error["code"]) == (415, "unsupported_media_type")
    assert lab.stats()["requests"] == before


@pytest.mark.parametrize("value", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON",
                                   "application/json ;x=y", None])
def test_json_by_any_spelling_is_fine(gateway, value):
    headers = {"Content-Type": value}
    assert gateway.ask("POST", "/v1/chat/completions", headers=headers, body=chat_body()).status == 200


def test_a_model_of_128_characters_is_looked_up(gateway):
    answer = gateway.chat("a" * 128)
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert len(answer.error["message"]) < 300 and "a" * 65 not in answer.error["message"]


def test_a_model_that_is_not_offered_is_not_found(gateway, lab):
    before = lab.stats()["requests"]
    answer = gateway.chat("no/such:model@1")
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert lab.stats()["requests"] == before


def test_the_clients_bytes_reach_the_upstream_as_they_are(gateway, lab):
    text = '{ "temperature" : 1.10,"model":"fast", "vendor":{"b":1e2,"a":-0.0,"big":12345678901234567890},' \
           '"messages":[{"role":"user","content":"\\u00e9 \\/ \\ud83d\\ude00"}] }'
    assert gateway.ask("POST", "/v1/chat/completions", body=text).status == 200
    assert lab.last()["body_text"] == text


def test_routing_hints_of_the_caller_are_never_followed(gateway, lab):
    before = lab.stats()["requests"]
    hints = {"api_base": "http://127.0.0.1:9/", "base_url": "http://127.0.0.1:9/", "api_key": "sk-other"}
    answer = gateway.ask("POST", "/v1/chat/completions", body=chat_body() | hints, headers={
        "x-base-url": "http://127.0.0.1:9/", "x-forwarded-host": "127.0.0.1:9", "x-portkey-custom-host": "http://127.0.0.1:9"})
    assert answer.status == 200
    assert lab.stats()["requests"] == before + 1


def test_a_large_body_costs_a_bounded_amount_of_memory(gateway):
    body = json.dumps(chat_body(prompt="a" * (8 << 20))).encode()
    assert gateway.ask("POST", "/v1/chat/completions", body=body, timeout=30).status == 200
    peak = int(next(line for line in open(f"/proc/{gateway.child.pid}/status") if line.startswith("VmHWM")).split()[1])
    assert peak < 16 * 1024 + 5 * len(body) // 1024 + 200 * 1024
    wait_until(gateway.alive, 1)

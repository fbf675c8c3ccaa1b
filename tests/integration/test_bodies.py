"""ROBUSTNESS.md section 4, a selection over sockets: which bodies are refused, how, and that the connection lives on."""

import json

import pytest
from harness import chat_body, request_bytes, wait_until

GOOD = json.dumps(chat_body()).encode()

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
    "nested 200 deep": GOOD[:-1] + b',"x":' + b"[" * 200 + b"]" * 200 + b"}",
    "nested a million deep": GOOD[:-1] + b',"x":' + b"[" * 1_000_000,
}
DUPLICATES = {
    "model": GOOD[:-1] + b',"model":"other"}',
    "stream": GOOD[:-1] + b',"stream":true,"stream":false}',
    "model, escaped": GOOD[:-1] + b',"mod\\u0065l":"other"}',
    "an unknown member": GOOD[:-1] + b',"x":1,"x":2}',
    "in stream_options": GOOD[:-1] + b',"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}',
}
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
}
FINE = {
    "unknown members": {"vendor": {"deep": [1, 2.50, "x"]}},
    "nested 40 deep": {"vendor": json.loads("[" * 40 + "]" * 40)},
    "null where a default stands": {"temperature": None, "stream": None, "n": None, "max_tokens": None, "stop": None},
    "a surrogate pair": {"user": "\U0001f600"},
    "a zero temperature": {"temperature": 0, "top_p": 1},
}


def body_with(changes):
    body = {**chat_body(), **changes}
    return {name: value for name, value in body.items() if value is not None}


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


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"},
                                     {"Content-Encoding": "gzip"}, {"Content-Encoding": "br"}])
def test_another_content_type_or_encoding_is_refused(gateway, lab, headers):
    answer = gateway.ask("POST", "/v1/chat/completions", headers=headers, body=chat_body())
    assert answer.status == 415


def test_a_charset_is_fine(gateway):
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert gateway.ask("POST", "/v1/chat/completions", headers=headers, body=chat_body()).status == 200


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

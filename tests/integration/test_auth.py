"""Who may call: keys in the file, one answer for every way of being wrong, and no open door by accident."""

import base64
import hashlib
import time

import pytest
from harness import CALLER_KEY, Gateway, chat_body, config, request_bytes

KEYS = [
    {"name": "app", "value": CALLER_KEY},
    {"name": "narrow", "value": "sk-narrow-key-0001", "models": ["fast"]},
    {"name": "old", "value": "sk-old-key-0001", "expires": "2020-01-01"},
    {"name": "hashed", "hash": "sha256:" + hashlib.sha256(b"sk-hashed-key-0001").hexdigest()},
]
BEARER = {"Authorization": f"Bearer {CALLER_KEY}"}
REFUSED = {
    "none": {},
    "wrong": {"Authorization": "Bearer sk-wrong"},
    "expired": {"Authorization": "Bearer sk-old-key-0001"},
    "empty": {"Authorization": "Bearer "},
    "no scheme": {"Authorization": CALLER_KEY},
    "Basic": {"Authorization": "Basic " + base64.b64encode(CALLER_KEY.encode()).decode()},
    "a prefix": {"Authorization": f"Bearer {CALLER_KEY[:-1]}"},
    "with more behind it": {"Authorization": f"Bearer {CALLER_KEY}x"},
    "cookie": {"Cookie": f"api-key={CALLER_KEY}"},
}


@pytest.fixture(scope="module")
def guarded(folder, lab):
    with Gateway(folder, config(lab, keys=KEYS), name="guarded") as running:
        yield running


@pytest.mark.parametrize("headers", [BEARER, {"authorization": f"bearer {CALLER_KEY}"}, {"api-key": CALLER_KEY},
                                     {"x-api-key": CALLER_KEY}, {"Authorization": "Bearer sk-hashed-key-0001"},
                                     {**BEARER, "api-key": CALLER_KEY}], ids=range(6))
def test_a_key_is_taken_from_where_sdks_put_it(guarded, headers):
    assert guarded.ask("GET", "/v1/models", headers=headers).status == 200


@pytest.mark.parametrize("name", REFUSED)
def test_every_wrong_key_gets_the_same_answer(guarded, lab, name):
    before = lab.stats()["requests"]
    answer = guarded.ask("POST", "/v1/chat/completions", headers=REFUSED[name], body=chat_body())
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    nothing = guarded.ask("POST", "/v1/chat/completions", body=chat_body())
    assert answer.error["message"] == nothing.error["message"]
    assert lab.stats()["requests"] == before


def test_a_key_in_the_url_is_no_key(guarded):
    assert guarded.ask("GET", f"/v1/models?api-key={CALLER_KEY}&key={CALLER_KEY}").status == 401


def test_two_different_authorizations_are_refused(guarded):
    data = request_bytes("GET", "/v1/models", BEARER).replace(b"\r\n\r\n", b"\r\nAuthorization: Bearer sk-other\r\n\r\n")
    with guarded.raw() as connection:
        assert connection.send(data).read().status == 401


def test_a_key_sees_and_uses_only_its_models(guarded):
    narrow = {"Authorization": "Bearer sk-narrow-key-0001"}
    assert [model["id"] for model in guarded.ask("GET", "/v1/models", headers=narrow).json()["data"]] == ["fast"]
    assert guarded.ask("POST", "/v1/chat/completions", headers=narrow, body=chat_body("fast")).status == 200
    for model in ("demo", "no-such-model"):
        answer = guarded.ask("POST", "/v1/chat/completions", headers=narrow, body=chat_body(model))
        assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert guarded.ask("GET", "/v1/models/demo", headers=narrow).status == 404


def test_refusing_reads_no_body_first(guarded):
    with guarded.raw() as connection:
        head = request_bytes("POST", "/v1/chat/completions", {"Content-Length": "10000000"}, body=b"{}").split(b"\r\n\r\n")[0]
        started = time.monotonic()
        assert connection.send(head + b"\r\n\r\n").read().status == 401
        assert time.monotonic() - started < 1


def test_no_keys_and_a_loopback_listener_take_any_key(gateway):
    for headers in ({}, {"Authorization": "Bearer placeholder"}):
        assert gateway.ask("GET", "/v1/models", headers=headers).status == 200


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0"])
def test_a_public_listener_without_keys_refuses_to_start(lab, tmp_path, listen):
    with pytest.raises(AssertionError, match="ended with 78") as refusal:
        Gateway(tmp_path, config(lab, server={"listen": listen}))
    assert "keys" in str(refusal.value)


def test_a_public_listener_with_keys_starts(start):
    gateway = start(server={"listen": "0.0.0.0:0"}, keys=KEYS)
    assert gateway.ask("GET", "/v1/models").status == 401
    assert gateway.ask("GET", "/v1/models", headers=BEARER).status == 200


def test_the_admin_pages_are_not_on_the_data_port(gateway):
    for page in ("/metrics", "/healthz", "/readyz"):
        assert gateway.ask("GET", page).status == 404

"""A client that goes away, or does not read: its upstream is cancelled at once, and memory stays bounded."""

import time

import pytest
from harness import SLOW, Connection, chat_body, request_bytes, wait_until

SLOW_STREAM = {"per_token": "30ms", "tokens": 2000}


def open_stream(gateway, lab_options, **connection):
    client = Connection(gateway.data, **connection)
    client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=True, lab=lab_options)))
    return client


@pytest.mark.parametrize("leave", ["close", "reset"])
def test_leaving_a_stream_cancels_the_upstream_at_once(gateway, quiet_lab, leave):
    client = open_stream(gateway, SLOW_STREAM)
    client.read_head()
    client.read_chunk()
    getattr(client, leave)()
    started = time.monotonic()
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 1, 2, step=0.01, what="the lab saw the cancel")
    assert time.monotonic() - started < 0.5 * SLOW
    assert quiet_lab.stats()["open_streams"] == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_leaving_before_the_answer_cancels_the_upstream(gateway, quiet_lab, leave, stream):
    client = gateway.raw()
    client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("hang", stream=stream)))
    wait_until(lambda: quiet_lab.stats()["requests"] == 1, 3, what="the lab has the request")
    getattr(client, leave)()
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 1, 2, what="the lab saw the cancel")


def test_a_client_that_left_is_in_the_log_as_499(gateway, quiet_lab):
    client = open_stream(gateway, SLOW_STREAM)
    answer = client.read_head()
    client.read_chunk()
    client.close()
    entry = gateway.logged(answer.header("x-request-id"))
    assert (entry["status"], entry["client_aborted"]) == (499, True)
    assert entry["attempts"][-1]["result"] == "cancelled"
    assert entry["gen_ai.usage.output_tokens"] > 0 and entry["usage_source"] != "provider"


def test_a_client_that_left_is_no_failure_of_the_target(start, lab):
    gateway = start(defaults={"breaker": {"consecutive": 2}}, models={"m": "lab/slow"})
    for _ in range(6):
        client = gateway.raw()
        client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("m", stream=True)))
        client.read_head()
        client.close()
    assert gateway.metric("sluice_breaker_state", provider="lab") == 0


def test_a_cancelled_connection_is_not_used_again(gateway, quiet_lab):
    for _ in range(5):
        client = open_stream(gateway, SLOW_STREAM)
        client.read_head()
        client.close()
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 5, 3, what="all cancelled")
    assert gateway.chat(prompt="mine").status == 200


@pytest.mark.release_only
def test_a_client_that_does_not_read_costs_little_memory(gateway, quiet_lab):
    """The upstream would send 64 MiB to each of 8 clients; none of them reads."""
    gateway.chat()
    before = gateway.rss_kib()
    big = {"tokens": 4000, "chunk_bytes": 16384}
    clients = [open_stream(gateway, big, receive_buffer=4096) for _ in range(8)]
    wait_until(lambda: quiet_lab.stats()["open_streams"] == 8, 5, what="all streams are open")
    time.sleep(1.5)
    assert gateway.rss_kib() - before < 16 * 1024
    assert quiet_lab.stats()["bytes_sent"] < 8 * (8 << 20), "the upstream was read though nobody takes its bytes"
    for client in clients:
        client.close()
    wait_until(lambda: quiet_lab.stats()["open_streams"] == 0, 5, what="all streams are cancelled")


def test_a_slow_reader_gets_every_byte(gateway):
    options = {"tokens": 400, "chunk_bytes": 4096}
    expected = gateway.chat(stream=True, lab=options).content
    with open_stream(gateway, options, receive_buffer=4096, timeout=30) as client:
        time.sleep(0.5)
        answer = client.read()
    assert answer.finished and answer.content == expected


def test_a_reader_that_stalls_is_cut_off(start, quiet_lab):
    gateway = start(server={"limits": {"write_stall": "500ms"}})
    client = open_stream(gateway, {"tokens": 4000, "chunk_bytes": 16384}, receive_buffer=4096)
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 1, 6, what="the upstream of the stalled reader is cancelled")
    client.close()

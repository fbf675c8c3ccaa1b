"""Drills of the promises, in a short form; `--long` makes them as long as the promise says."""

import random
import signal
import threading
import time

import pytest
from harness import FORGIVING, SLOW, Closed, Connection, ask, chat_body, request_bytes, wait_until


@pytest.fixture
def scale(request):
    """How much of a drill to do: scale(short, long)."""
    return lambda short, long: long if request.config.getoption("--long") else short


def in_threads(count, work):
    """Runs work(number) on `count` threads and returns what went wrong."""
    wrong = []

    def guarded(number):
        try:
            work(number)
        except Exception as error:
            wrong.append(repr(error)[:500])

    threads = [threading.Thread(target=guarded, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return wrong


@pytest.mark.seconds(900)
def test_no_answer_holds_a_byte_of_another_call(start, lab, scale):
    """Calls tagged by their caller, mixed with glued, late and cut answers of the upstream and clients that leave."""
    gateway = start(defaults=FORGIVING | {"retry": {"attempts": 0}})
    faults = [{"http_fault": "extra_bytes"}, {"http_fault": "extra_answer", "extra_wait": "5ms"}, {"cut_after_events": 3},
              {"reset_after_events": 2}, {"write_size": 3}, {"http_fault": "bad_chunk_size"}, {"max_requests": 1}]

    def call_on(number):
        chance = random.Random(number)
        for round in range(scale(40, 2500)):
            tag = f"tag-{number}-{round}-"
            stream = chance.random() < 0.5
            lab_options = chance.choice(faults) if chance.random() < 0.4 else None
            body = chat_body("echo", (tag + " ") * 20, stream=stream, lab=lab_options)
            with gateway.raw(timeout=20) as connection:
                connection.send(request_bytes("POST", "/v1/chat/completions", body=body))
                if chance.random() < 0.15:
                    connection.reset()
                    continue
                answer = connection.read()
            seen = {word for word in answer.text.replace('"', " ").replace("\\", " ").split() if word.startswith("tag-")}
            assert seen <= {tag}, (tag, seen)
            # What arrives on an idle connection after it was looked at spoils the next call, but says nothing to it.
            if lab_options is None:
                assert answer.status == 200 and tag in answer.content or answer.status == 502, answer

    assert in_threads(scale(8, 40), call_on) == []


@pytest.mark.release_only
@pytest.mark.seconds(300)
def test_stalled_readers_cost_little_and_hold_up_nobody(start, lab, scale):
    gateway = start(defaults=FORGIVING)
    gateway.chat()
    before, count = gateway.rss_kib(), scale(100, 1000)
    body = chat_body(stream=True, lab={"tokens": 500, "chunk_bytes": 16384})
    readers = []
    for _ in range(count):
        reader = Connection(gateway.data, receive_buffer=4096)
        readers.append(reader.send(request_bytes("POST", "/v1/chat/completions", body=body)))
    wait_until(lambda: lab.stats()["open_streams"] >= count * 0.9, 20, what="the streams are open")
    time.sleep(1)
    used = gateway.rss_kib() - before
    started = time.monotonic()
    for _ in range(20):
        assert gateway.chat().status == 200
    assert (time.monotonic() - started) / 20 < 0.25
    assert used < 64 * 1024 + 96 * count, f"{used // count} KiB a reader"
    for reader in readers:
        reader.close()
    wait_until(lambda: lab.stats()["open_streams"] == 0, 20, what="all streams are cancelled")


@pytest.mark.seconds(300)
def test_silent_clients_are_all_closed_in_time(start, scale):
    gateway = start(server={"limits": {"header_timeout": "1s"}})
    base, count = gateway.descriptors(), scale(300, 5000)
    started = time.monotonic()
    clients = []
    for number in range(count):
        clients.append(gateway.raw(timeout=10))
        if number % 3:
            clients[-1].send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"[: number % 40 + 1])
    opened = time.monotonic()
    health = []
    while time.monotonic() < opened + 1:
        asked = time.monotonic()
        assert ask(gateway.admin, "GET", "/healthz").status == 200
        health.append(time.monotonic() - asked)
    wait_until(lambda: gateway.descriptors() <= base + 4, 3, what="the descriptors are back")
    assert time.monotonic() - started < (opened - started) + 4 * SLOW
    assert sorted(health)[len(health) * 95 // 100] < 0.1 * SLOW
    for client in clients:
        client.close()


@pytest.mark.seconds(900)
def test_a_stop_at_any_moment_loses_nothing(start, lab, scale):
    """Clients that keep arriving through the drain delay: every connection that is accepted is served."""
    for round in range(scale(3, 50)):
        gateway = start(server={"drain": {"delay": "600ms", "timeout": "5s"}}, defaults=FORGIVING)
        stopping = threading.Event()

        def arrive(number):
            while not stopping.is_set():
                try:
                    connection = gateway.raw()
                except ConnectionRefusedError:
                    assert stopping.is_set() or not gateway.ready()
                    return
                with connection:
                    connection.send(request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=number % 2 == 0)))
                    answer = connection.read()
                    assert answer.status == 200 and answer.complete and (number % 2 or answer.finished), answer

        timer = threading.Timer(0.2 + random.Random(round).random() * 0.3, lambda: gateway.signal(signal.SIGTERM))
        timer.start()
        over = threading.Timer(0.75, stopping.set)
        over.start()
        assert in_threads(4, arrive) == []
        assert gateway.wait(10) == 0


@pytest.mark.long
@pytest.mark.seconds(300)
def test_a_brown_out_is_not_made_worse(start, lab):
    """At 100 requests a second and half of the answers 503, the upstream sees at most 1.1 times the load."""
    gateway = start(models={"m": "lab/fast"}, defaults={"breaker": {"consecutive": 1_000_000, "min_requests": 1_000_000}})
    lab.reset()
    lab.set(options={"fail_ratio": 0.5, "fail_with": {"status": 503}})
    started, sent = time.monotonic(), [0]
    lock = threading.Lock()

    def load(number):
        with gateway.raw() as connection:
            for round in range(1000):
                body = request_bytes("POST", "/v1/chat/completions", body=chat_body("m", f"{number}-{round}"))
                try:
                    connection.send(body).read()
                except (Closed, OSError):
                    connection = gateway.raw()
                with lock:
                    sent[0] += 1

    assert in_threads(4, load) == []
    seconds = time.monotonic() - started
    assert lab.stats()["requests"] <= sent[0] * 1.10 + seconds + 12
    lab.reset()

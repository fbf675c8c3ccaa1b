"""Drills of PROMISES R1, R2 and R8: reloads, upgrades, stops, and clients that leave, under load, with every request counted."""

import contextlib
import json
import random
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from figures import percentile, record
from harness import FORGIVING, SLOW, Closed, Connection, chat_body, config, request_bytes, wait_until
from load import Load, lost
from upgrading import UpgradedGateway

CHAT = request_bytes("POST", "/v1/chat/completions", body=chat_body())


class Again:
    """Runs `sluice_load` with `options` again and again until it is told to stop; `results` has one entry a run."""

    def __init__(self, *options, **more):
        self.options, self.more = options, more
        self.results, self.stopping = [], threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.is_set():
            with Load(*self.options, **self.more) as load:
                self.results.append(load.result())

    def finish(self):
        self.stopping.set()
        self.thread.join(120)
        assert not self.thread.is_alive(), "a load hangs"
        return self.results


class Thinkers:
    """Clients that keep their connection and send something now and then. A request is lost if it was sent on a connection
    that still seemed open and got no answer; a connection that is closed before is just opened again."""

    def __init__(self, port, count, pause):
        self.port, self.pause = port, pause
        self.answers = self.lost = self.reopened = 0
        self.stopping = threading.Event()
        self.chance = random.Random(1)
        self.thread = threading.Thread(target=self._run, args=(count,), daemon=True)
        self.thread.start()

    def _open(self):
        return Connection(self.port, timeout=15)

    def _run(self, count):
        clients = [[self._open(), time.monotonic() + self.chance.random() * self.pause] for _ in range(count)]
        while not self.stopping.is_set():
            now = time.monotonic()
            for client in clients:
                if client[1] <= now:
                    client[0] = self._ask(client[0])
                    client[1] = time.monotonic() + self.chance.random() * self.pause
            self.stopping.wait(0.002)
        for connection, _ in clients:
            connection.close()

    def _ask(self, connection):
        connection.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            if not connection.receive():
                connection.close()
                connection = self._open()
                self.reopened += 1
        connection.socket.settimeout(15 * SLOW)
        try:
            answer = connection.send(CHAT).read()
            self.answers += 1
            if answer.status != 200 or not answer.complete:
                self.lost += 1
            if not answer.closed:
                return connection
        except (Closed, OSError):
            self.lost += 1
        connection.close()
        return self._open()

    def finish(self):
        self.stopping.set()
        self.thread.join(60)
        assert not self.thread.is_alive(), "a client hangs"
        return self


@pytest.mark.release_only
@pytest.mark.seconds(1500)
def test_reloads_and_upgrades_lose_no_request_and_cut_no_stream(tmp_path, lab, scale):
    """R1: keep-alive and one-shot clients as fast as they can, clients that think, and 200 open streams."""
    upgrades, reloads_each, streams = scale(3, 50), 4, scale(40, 200)
    with UpgradedGateway(tmp_path, config(lab, defaults=FORGIVING, telemetry={"access_log": "none"}), name="r1") as gateway:
        port, base = gateway.data, gateway.rss_kib()
        each = scale(2, 5)
        loads = [Again("json", port, "-c", 8, "--body-bytes", 300, seconds=each),
                 Again("json", port, "-c", 2, "--body-bytes", 300, "--header", "connection: close", seconds=each),
                 Again("stream", port, "-c", streams, "--events", scale(40, 100), "--lab",
                       json.dumps({"tokens": scale(40, 100), "per_token": "50ms"}))]
        thinkers = Thinkers(port, 20, 3.0)
        started = time.monotonic()
        for _ in range(upgrades):
            for _ in range(reloads_each):
                time.sleep(0.25)
                gateway.signal(signal.SIGHUP)
            time.sleep(0.25)
            gateway.upgrade(60)
        seconds = time.monotonic() - started
        keep_alive, one_shot, opened = (load.finish() for load in loads)
        thinkers.finish()
        # A stream or an idle connection may hold its process; nothing else may.
        wait_until(lambda: gateway.running() == [gateway.pid], 30, what="the replaced processes are gone")
        reloaded = gateway.err.count('"configuration reloaded"')
        figures = record(
            "R1", upgrades=upgrades, reloads=reloaded, seconds=round(seconds, 1),
            requests=sum(r["requests"] for r in keep_alive + one_shot) + thinkers.answers,
            one_shot=sum(r["requests"] for r in one_shot), thinking=thinkers.answers,
            lost=lost(*keep_alive, *one_shot) + thinkers.lost,
            reopened=thinkers.reopened + sum(r["reconnects"] for r in keep_alive),
            streams=sum(r["requests"] for r in opened), cut=lost(*opened),
            errors=[r["error_kinds"] for r in keep_alive + one_shot + opened if r["error_kinds"]],
            rss_growth_kib=int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{gateway.pid}/status").read())[1]) - base)
    assert figures["lost"] == 0 and figures["cut"] == 0, figures
    assert figures["streams"] >= streams
    assert reloaded >= upgrades * reloads_each * 0.9  # signals that meet a process that is being replaced reload nothing
    assert figures["requests"] >= scale(2000, 300_000)


def stop_once(gateway, delay, limit, moment):
    """SIGTERM `moment` seconds after the load has begun; clients arrive until shortly before the delay ends."""
    port, until = gateway.data, moment + delay - 0.3
    short = {"tokens": 20, "per_token": "25ms"}
    with contextlib.ExitStack() as stack:
        loads = [Load("json", port, "-c", 4, "--body-bytes", 300, seconds=until),
                 Load("json", port, "-c", 2, "--body-bytes", 300, "--header", "connection: close", seconds=until)]
        streams = Load("stream", port, "-c", 10, "--events", 20, "--lab", json.dumps(short))
        for load in [*loads, streams]:
            stack.enter_context(load)
        endless = stack.enter_context(gateway.raw(timeout=delay + limit + 20))
        endless.send(request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=True, lab={"per_token": "50ms", "tokens": 5000})))
        begun = time.monotonic()
        time.sleep(moment)
        signalled = time.monotonic()
        gateway.signal(signal.SIGTERM)
        time.sleep(max(0, begun + until - 0.6 - time.monotonic()))
        late = stack.enter_context(Load("stream", port, "-c", 10, "--events", 20, "--lab", json.dumps(short)))
        results = [load.result() for load in [*loads, streams, late]]
        rest = endless.read()
        code = gateway.wait(delay + limit + 10)
        took = time.monotonic() - signalled
    told = b'"server_shutdown"' in rest.body and not rest.finished
    return {"requests": sum(r["requests"] for r in results), "lost": lost(*results), "told": told, "code": code,
            "took": took, "kinds": [r["error_kinds"] for r in results if r["error_kinds"]]}


@pytest.mark.release_only
@pytest.mark.seconds(1500)
def test_a_stop_at_full_load_fails_nobody(start, scale):
    """R2: requests until the end of the delay are served, streams shorter than the limit finish, longer ones are told."""
    delay, limit, rounds, beside = scale(1.5, 5), scale(1.5, 3), scale(2, 100), scale(2, 4)
    chance, results = random.Random(2), []
    for _ in range(0, rounds, beside):
        gateways = [start(server={"drain": {"delay": f"{int(delay * 1000)}ms", "timeout": f"{int(limit * 1000)}ms"}},
                          defaults=FORGIVING, telemetry={"access_log": "none"}) for _ in range(beside)]
        with ThreadPoolExecutor(beside) as pool:
            results += pool.map(lambda gateway: stop_once(gateway, delay, limit, 0.2 + chance.random()), gateways)
    figures = record("R2", stops=len(results), delay_s=delay, limit_s=limit, requests=sum(r["requests"] for r in results),
                     lost=sum(r["lost"] for r in results), long_streams_told=sum(r["told"] for r in results),
                     kinds=[r["kinds"] for r in results if r["kinds"]],
                     longest_exit_s=round(max(r["took"] for r in results), 2))
    assert figures["lost"] == 0, figures
    assert {r["code"] for r in results} == {0}
    assert figures["long_streams_told"] == len(results)
    assert figures["longest_exit_s"] <= delay + limit + 1 + (SLOW - 1) * 2


def leave(client, how):
    if how == "half-close":
        client.socket.shutdown(socket.SHUT_WR)
    else:
        getattr(client, how)()


@pytest.mark.seconds(600)
def test_the_upstream_is_cancelled_as_soon_as_the_client_leaves(start, lab, scale):
    """R8: FIN, half-close and RST, before the answer, at its first bytes, inside of a stream and after its end."""
    gateway = start(defaults=FORGIVING)
    lab.reset()
    chance, cancelled, waits, streamed = random.Random(8), 0, [], []
    endless = {"per_token": "10ms", "tokens": 5000}
    for number in range(scale(60, 1334)):
        how, when = ("close", "half-close", "reset")[number % 3], ("before", "head", "inside", "after")[number // 3 % 4]
        client = gateway.raw(timeout=10)
        if when == "after":
            assert client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=True))).read().finished
            leave(client, how)
            client.close()
            continue
        body = chat_body("hang" if when == "before" else "fast", stream=number % 2 == 0 or when != "before",
                         lab=None if when == "before" else endless)
        requests = lab.stats()["requests"]
        client.send(request_bytes("POST", "/v1/chat/completions", body=body))
        if when == "before":
            wait_until(lambda: lab.stats()["requests"] > requests, 3, step=0.001, what="the lab has the request")
        else:
            identity = client.read_head().header("x-request-id")
            if when == "inside":
                for _ in range(chance.randrange(1, 12)):
                    client.read_chunk()
                streamed.append(identity)
        time.sleep(chance.random() * 0.01)
        left = time.monotonic()
        leave(client, how)
        cancelled += 1
        wait_until(lambda: lab.stats()["cancelled"] >= cancelled, 5, step=0.0005, what=f"{how} {when}: the lab sees the cancel")
        waits.append(time.monotonic() - left)
        client.close()
    seen = lab.stats()["cancelled"]
    wait_until(lambda: len(gateway.access_log()) >= scale(60, 1334), 5, step=0.2, what="all log lines")
    entries = {entry["request_id"]: entry for entry in gateway.access_log()}
    settled = sum(entries[each]["status"] == 499 and entries[each]["gen_ai.usage.output_tokens"] > 0 for each in streamed)
    figures = record("R8", left=scale(60, 1334), to_cancel=cancelled, cancelled=seen, p50_ms=round(percentile(waits, 0.5) * 1e3, 2),
                     p99_ms=round(percentile(waits, 0.99) * 1e3, 2), max_ms=round(max(waits) * 1e3, 2),
                     cut_streams=len(streamed), with_partial_usage=settled)
    assert seen == cancelled and settled == len(streamed)
    assert figures["p99_ms"] <= 100 * SLOW
    lab.reset()

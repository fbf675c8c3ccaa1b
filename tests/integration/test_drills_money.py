"""Drills of the promises about money, in a short form; `--long` makes them as long as the promise says.

The oracle is the lab: it counts the tokens that really went out, whatever became of the call.
"""

import json
import os
import random
import shutil
import subprocess
import threading
import time

import pytest
from harness import CALLER_KEY, FORGIVING, SLOW, Gateway, Lab, ask, chat_body, config, request_bytes, wait_until
from test_drills import in_threads
from test_money import BEARER, PRICES, TOKEN_IN, TOKEN_OUT, command, nano, used

ADMIN = {"authorization": "Bearer money-drill-admin"}


def settings(lab, folder, *, budget=None, models=None, **more):
    return config(lab, models=models or {"fast": "lab/fast"}, defaults=FORGIVING,
                  keys=[{"name": "ci", "value": CALLER_KEY, **({"budget": budget} if budget else {})}],
                  prices={"lab/fast": PRICES}, storage={"database": f"sqlite://{folder}/ledger.db"},
                  admin={"token": "money-drill-admin"}, **more)


def billed(lab):
    models = lab.stats()["models"]
    rows = models.values() if isinstance(models, dict) else models
    return sum(row["prompt_tokens"] * TOKEN_IN + row["completion_tokens"] * TOKEN_OUT for row in rows)


def lines(gateway):
    """Every call with all its lines."""
    return [json.loads(line) for line in command(gateway, "ledger", "export", "--since", "1d").splitlines()]


def reserved(gateway):
    """What is reserved of any limit now."""
    answer = ask(gateway.admin, "GET", "/admin/limits", headers=ADMIN)
    assert answer.status == 200, answer
    return sum(limit["reserved"] for limit in answer.json()["limits"])


# --- R3 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.seconds(1800)
def test_r3_no_cent_is_lost_or_counted_twice_over_kills(tmp_path, scale):
    """SIGKILL at random points under load; then the ledger against the lab's bill."""
    chance = random.Random(20261125)
    kills = scale(12, 1000)
    answered, gateway, stop = {}, None, threading.Event()
    lock = threading.Lock()
    slowest = 0.0
    with Lab(tmp_path) as lab:
        written = settings(lab, tmp_path, budget={"usd": 1000, "per": "day"})
        written["server"] = {"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0"}
        port = [0]

        def client(number):
            mine = random.Random(number)
            while not stop.is_set():
                body = chat_body("fast", "word " * mine.randint(1, 60), stream=mine.random() < 0.6, max_tokens=200,
                                 lab={"tokens": mine.randint(1, 40), "echo": False, "per_token": mine.choice(["0ms", "2ms"])})
                try:
                    answer = ask(port[0], "POST", "/v1/chat/completions", headers=BEARER, body=body, timeout=10)
                except (OSError, AssertionError, ValueError):
                    time.sleep(0.01)
                    continue
                if answer.status == 200 and answer.complete and (not body.get("stream") or b"[DONE]" in answer.body):
                    with lock:
                        answered[answer.header("x-request-id")] = True

        threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(12)]
        for round in range(kills + 1):
            begun = time.monotonic()
            gateway = Gateway(tmp_path, written, name="gateway")
            slowest = max(slowest, time.monotonic() - begun)
            port[0] = gateway.data
            if round == 0:
                [thread.start() for thread in threads]
            if round == kills:
                break
            time.sleep(chance.uniform(0.05, 0.7))
            gateway.child.kill()
            gateway.child.wait()
        time.sleep(0.5)
        stop.set()
        [thread.join(30) for thread in threads]
        wait_until(lambda: used(gateway)["ci"]["open"] == 0 and lab.stats()["open_streams"] == 0, 15)
        calls = lines(gateway)
        by_request = {}
        for call in calls:
            by_request.setdefault(call["request_id"], []).append(call)
        assert len({call["id"] for call in calls}) == len(calls)
        for request_id in answered:
            assert len(by_request.get(request_id, [])) == 1, f"{request_id}: {by_request.get(request_id)}"
        total = nano(used(gateway)["ci"])
        recovered = [call for call in calls if call["settlement"].get("recovered")]
        held = sum(call["settlement"]["cost_nano_usd"] for call in recovered)
        assert total == sum(call["settlement"]["cost_nano_usd"] for call in calls)
        assert billed(lab) <= total <= billed(lab) + held
        assert "ok" in command(gateway, "ledger", "verify").lower()
        assert reserved(gateway) == 0
        print(f"R3: {kills} kills, {len(calls)} calls, {len(answered)} answered in full, {len(recovered)} recovered, "
              f"bill {billed(lab)}, ledger {total}, of which {held} for recovered ones; ready after {slowest:.2f} s at most")
        assert slowest < 2 * SLOW + 1
        gateway.stop()


# --- R4 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.seconds(1800)
def test_r4_a_budget_of_a_hundred_worst_cases_and_a_thousand_clients(tmp_path, scale):
    for seed in range(scale(2, 50)):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with Lab(folder) as lab:
            probe = settings(lab, folder, budget={"usd": 1000, "per": "total", "when_short": "reject"})
            with Gateway(folder, probe, name="probe") as gateway:
                shape = dict(max_tokens=20, lab={"tokens": 20, "echo": False})
                gateway.chat("fast", headers=BEARER, **shape)
                wait_until(lambda: used(gateway)["ci"]["calls"] == 1)
                worst = lines(gateway)[0]["reserved_nano_usd"]
            (folder / "ledger.db").unlink()
            shutil.rmtree(folder / "ledger.db-wal", ignore_errors=True)
            for leftover in folder.glob("ledger.db*"):
                leftover.unlink()
            lab.reset()
            budget = 100 * worst
            written = settings(lab, folder, budget={"usd": budget / 1e9, "per": "total", "when_short": "reject"})
            with Gateway(folder, written, name="gateway") as gateway:
                spend_it_all(gateway, lab, budget, worst, seed, scale(300, 1000))


def spend_it_all(gateway, lab, budget, worst, seed, clients):
    ready, wrong = threading.Barrier(clients), []
    outcomes = {}
    lock = threading.Lock()

    def client(number):
        chance = random.Random(seed * 10_000 + number)
        kind = chance.choice(["whole", "stream", "slow stream", "failing", "leaving"])
        options = {"tokens": 20, "echo": False}
        if kind in ("slow stream", "leaving"):  # what the lab has sent and what arrived are the same then
            options["per_token"] = "20ms"
        if kind == "failing":
            options = {"status": 500}
        body = chat_body("fast", "hello there", stream="stream" in kind or kind == "leaving", lab=options, max_tokens=20)
        ready.wait(60)
        with gateway.raw(timeout=60) as connection:
            connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER, body=body))
            if kind == "leaving":
                time.sleep(chance.uniform(0, 0.3))
                connection.reset()
                return
            answer = connection.read()
        with lock:
            outcomes[answer.status] = outcomes.get(answer.status, 0) + 1
        if answer.status not in (200, 429, 502):
            wrong.append(answer)

    assert in_threads(clients, client) == [] and wrong == []
    wait_until(lambda: reserved(gateway) == 0, 5, what="every reservation is back")
    spent = nano(used(gateway)["ci"])
    assert spent <= budget
    # The rest, one by one: nobody is refused while a worst case is left.
    while budget - spent >= worst:
        answer = gateway.chat("fast", headers=BEARER, max_tokens=20, lab={"tokens": 20, "echo": False})
        assert answer.status == 200, (answer, budget - spent, worst)
        spent = wait_until(lambda before=spent: max(0, nano(used(gateway)["ci"]) - before) and nano(used(gateway)["ci"]))
        assert spent <= budget
    assert gateway.chat("fast", headers=BEARER, max_tokens=20).status == 429
    wait_until(lambda: lab.stats()["open_streams"] == 0)
    assert billed(lab) <= budget
    print(f"R4: seed {seed}: {outcomes}, spent {spent} of {budget}, {100 * spent / budget:.2f} %")


# --- R6 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.seconds(1800)
def test_r6_nothing_stays_reserved(tmp_path, scale):
    with Lab(tmp_path) as lab:
        written = settings(lab, tmp_path)
        written["keys"][0] |= {"budget": {"usd": 1000, "per": "day"},
                               "rate": {"concurrent": 1000, "tpm": "100M", "rpm": "1M"}}
        with Gateway(tmp_path, written) as gateway:
            faults = [{}, {"status": 500}, {"cut_after_events": 2}, {"reset_after_events": 1},
                      {"ttft": "30ms"}, {"error_after": 2}, {"per_token": "3ms"}, {"usage": "missing"}]

            def client(number):
                chance = random.Random(number)
                for _ in range(scale(40, 2500)):
                    body = chat_body("fast", "hello", stream=chance.random() < 0.6, max_tokens=chance.choice([10, 100]),
                                     lab={"tokens": 10, "echo": False, **chance.choice(faults)})
                    with gateway.raw(timeout=30) as connection:
                        connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER, body=body))
                        if chance.random() < 0.2:
                            time.sleep(chance.uniform(0, 0.02))
                            connection.reset()
                            continue
                        connection.read()

            assert in_threads(scale(16, 40), client) == []
            wait_until(lambda: reserved(gateway) == 0, 1 + 2 * (SLOW - 1), what="nothing reserved after a second")
            row = wait_until(lambda: used(gateway)["ci"]["open"] == 0 and used(gateway)["ci"])
            assert "ok" in command(gateway, "ledger", "verify").lower()
            print(f"R6: {row['calls']} calls, {row['failed']} of them failed")


# --- R25 ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = os.geteuid() == 0 and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "sluice-test", folder],
                                                capture_output=True).returncode == 0
    if not made:
        pytest.skip("this needs the right to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_r25_a_full_disk_refuses_before_anybody_is_paid_and_recovers_by_itself(tmp_path, small_disk):
    with Lab(tmp_path) as lab, Gateway(tmp_path, settings(lab, small_disk, budget={"usd": 10, "per": "day"})) as gateway:
        assert gateway.chat("fast", headers=BEARER, max_tokens=20).status == 200
        filler = small_disk / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 65536)
            except OSError:
                pass
            for size in (4096, 512, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass
        refused = wait_until(lambda: (answer := gateway.chat("fast", headers=BEARER, max_tokens=20)).status == 503 and answer)
        assert refused.error["code"] == "ledger_unavailable"
        assert refused.header("x-should-retry") == "true"
        asked = lab.stats()["requests"]
        for _ in range(20):
            begun = time.monotonic()
            assert gateway.chat("fast", headers=BEARER, max_tokens=20).status == 503
            assert time.monotonic() - begun < 0.1 * SLOW + 0.05
        assert lab.stats()["requests"] == asked
        assert ask(gateway.admin, "GET", "/healthz").status == 200
        filler.unlink()
        wait_until(lambda: gateway.chat("fast", headers=BEARER, max_tokens=20).status == 200, 5, what="it serves again")
        wait_until(lambda: used(gateway)["ci"]["open"] == 0)
        assert nano(used(gateway)["ci"]) == billed(lab)
        assert "ok" in command(gateway, "ledger", "verify").lower()


# --- R26 ---------------------------------------------------------------------------------------------------------------


def test_r26_a_clock_set_back_opens_no_window_again(tmp_path):
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    if not os.path.exists(library) or SLOW > 1:
        pytest.skip("this needs libfaketime, and a binary without sanitizers")
    clock = tmp_path / "clock"
    clock.write_text("+0d")
    environment = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                   "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    with Lab(tmp_path) as lab, Gateway(tmp_path, settings(lab, tmp_path, budget={"usd": 0.001, "per": "day"}),
                                       env=environment) as gateway:

        def spend():
            served = 0
            while gateway.chat("fast", headers=BEARER, max_tokens=40).status == 200:
                served += 1
            return served

        assert spend() > 0
        clock.write_text("-1d")
        assert spend() == 0
        clock.write_text("+1d")
        tomorrow = spend()
        assert tomorrow > 0
        clock.write_text("+0d")
        assert spend() == 0
        clock.write_text("+1d")
        assert spend() == 0

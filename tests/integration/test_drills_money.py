"""Drills of the promises about money, in a short form; `--long` makes them as long as the promise says.

The oracle is the lab: it counts the tokens that really went out, whatever became of the call.
"""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter

import pytest
import servers
from figures import percentile, record
from harness import CALLER_KEY, FORGIVING, SLOW, Closed, Connection, Gateway, Lab, ask, chat_body, config, request_bytes, wait_until
from test_drills import in_threads
from test_money import BEARER, PRICES, TOKEN_IN, TOKEN_OUT, command, nano, used

ADMIN = {"authorization": "Bearer money-drill-admin"}


def settings(lab, folder, *, budget=None, prices=PRICES, storage=None, **more):
    return config(lab, models={"fast": "lab/fast"}, defaults=FORGIVING,
                  keys=[{"name": "ci", "value": CALLER_KEY, **({"budget": budget} if budget else {})}],
                  prices={"lab/fast": prices}, storage=storage or {"database": f"sqlite://{folder}/ledger.db"},
                  admin={"token": "money-drill-admin"}, **more)


def billed(lab, token_in=TOKEN_IN):
    models = lab.stats()["models"]
    rows = models.values() if isinstance(models, dict) else models
    return sum(row["prompt_tokens"] * token_in + row["completion_tokens"] * TOKEN_OUT for row in rows)


def lines(gateway):
    """Every call with all its lines."""
    return [json.loads(line) for line in command(gateway, "ledger", "export", "--since", "1d").splitlines()]


def limits(gateway):
    answer = ask(gateway.admin, "GET", "/admin/limits", headers=ADMIN)
    assert answer.status == 200, answer
    return answer.json()["limits"]


def reserved(gateway):
    """What is reserved of any limit now."""
    return sum(limit["reserved"] for limit in limits(gateway))


def counted(gateway):
    """What the money limit of the only key counts as used or held."""
    return sum(limit["settled"] + limit["reserved"] for limit in limits(gateway) if limit["of"] == "money")


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    """The `storage` section of a ledger of its own."""
    if request.param == "sqlite":
        yield {"database": f"sqlite://{tmp_path}/ledger.db"}
        return
    if servers.missing():
        pytest.skip(f"not installed: {servers.missing()}")
    with servers.Postgres() as postgres:
        yield {"database": postgres.url}


# --- R3 ----------------------------------------------------------------------------------------------------------------


class Callers:
    """Clients that ask a gateway again and again, also while it is gone. `port` is where it is now."""

    def __init__(self, count):
        self.port, self.answered, self.stop = 0, set(), threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, args=(number,), daemon=True) for number in range(count)]

    def begin(self):
        for thread in self.threads:
            thread.start()

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)

    def work(self, number):
        chance = random.Random(number)
        while not self.stop.is_set():
            body = chat_body("fast", "word " * chance.randint(1, 60), stream=chance.random() < 0.6, max_tokens=200,
                             lab={"tokens": chance.randint(1, 40), "echo": False, "per_token": chance.choice(["0ms", "2ms"])})
            try:
                answer = ask(self.port, "POST", "/v1/chat/completions", headers=BEARER, body=body, timeout=10)
            except (OSError, Closed, AssertionError, ValueError):
                time.sleep(0.01)
                continue
            if answer.status == 200 and answer.complete and (answer.finished or not body.get("stream")):
                with self.lock:
                    self.answered.add(answer.header("x-request-id"))


def kind_of(store):
    return store["database"].split(":")[0]


def compare_with_the_bill(gateway, lab, answered):
    """Checks the ledger after kills, and returns its figures."""
    wait_until(lambda: used(gateway)["ci"]["open"] == 0 and lab.stats()["open_streams"] == 0, 20, step=0.2)
    calls = lines(gateway)
    assert len({call["id"] for call in calls}) == len(calls)
    lines_of = Counter(call["request_id"] for call in calls)
    assert {request_id: lines_of[request_id] for request_id in answered if lines_of[request_id] != 1} == {}
    total, bill = nano(used(gateway)["ci"]), billed(lab)
    recovered = [call["settlement"]["cost_nano_usd"] for call in calls if call["settlement"].get("recovered")]
    assert total == sum(call["settlement"]["cost_nano_usd"] for call in calls)
    assert bill <= total <= bill + sum(recovered)
    assert "ok" in command(gateway, "ledger", "verify").lower()
    assert reserved(gateway) == 0
    assert counted(gateway) == total
    return {"calls": len(calls), "answered": len(answered), "recovered": len(recovered), "bill_nano_usd": bill,
            "ledger_nano_usd": total, "recovered_nano_usd": sum(recovered)}


@pytest.mark.seconds(1800)
def test_r3_no_cent_is_lost_or_counted_twice_over_kills(tmp_path, scale, store):
    """SIGKILL at random points under load; then the ledger against the lab's bill."""
    chance = random.Random(20261125)
    kills = scale(12, 1000) if kind_of(store) == "sqlite" else scale(6, 300)
    callers, starts = Callers(12), []
    with Lab(tmp_path) as lab:
        written = settings(lab, tmp_path, budget={"usd": 1000, "per": "day"}, storage=store)
        for number in range(kills + 1):
            owed = billed(lab)
            begun = time.monotonic()
            gateway = Gateway(tmp_path, written)
            starts.append(time.monotonic() - begun)
            assert counted(gateway) >= owed, "a new process does not count what a killed one had under way"
            callers.port = gateway.data
            if number == 0:
                callers.begin()
            if number == kills:
                break
            time.sleep(chance.uniform(0.05, 0.7))
            gateway.child.kill()
            gateway.child.wait()
        time.sleep(0.5)
        callers.end()
        figures = compare_with_the_bill(gateway, lab, callers.answered)
        record("R3", store=kind_of(store), kills=kills, **figures, ready_median_s=round(percentile(starts, 0.5), 3),
               ready_most_s=round(max(starts), 3))
        assert max(starts) < 2 * SLOW + 1
        gateway.stop()


# --- R5 ----------------------------------------------------------------------------------------------------------------


class RetryingCallers(Callers):
    """Each request has an Idempotency-Key and is sent again until it is answered in full."""

    def __init__(self, count):
        super().__init__(count)
        self.one_is_answered, self.requests, self.attempts = threading.Event(), 0, 0

    def work(self, number):
        chance = random.Random(number)
        while not self.stop.is_set():
            body = chat_body("fast", "word", stream=chance.random() < 0.5, max_tokens=50,
                             lab={"tokens": chance.randint(1, 10), "echo": False, "per_token": "1ms"})
            headers = BEARER | {"Idempotency-Key": f"{number}-{chance.random()}"}
            attempts = 1
            while not self.is_answered(headers, body):
                attempts += 1
                time.sleep(0.01)
            self.one_is_answered.set()
            with self.lock:
                self.requests += 1
                self.attempts += attempts

    def is_answered(self, headers, body):
        try:
            answer = ask(self.port, "POST", "/v1/chat/completions", headers=headers, body=body, timeout=10)
        except (OSError, Closed, AssertionError, ValueError):
            return False
        if answer.status != 200 or not answer.complete or (body.get("stream") and not answer.finished):
            return False
        if answer.header("x-sluice-idempotent-replay") is None:
            with self.lock:
                self.answered.add(answer.header("x-request-id"))
        return True


@pytest.mark.seconds(1800)
def test_r5_what_a_provider_answered_is_in_the_ledger_when_it_could_not_be_settled(tmp_path, scale, store):
    """SIGKILL within milliseconds of an answer; whoever had none asks again, with the same key."""
    chance = random.Random(5)
    kills = scale(8, 100) if kind_of(store) == "sqlite" else scale(4, 50)
    callers = RetryingCallers(12)
    with Lab(tmp_path) as lab:
        written = settings(lab, tmp_path, budget={"usd": 1000, "per": "day"}, storage=store)
        for number in range(kills + 1):
            gateway = Gateway(tmp_path, written)
            callers.port = gateway.data
            if number == 0:
                callers.begin()
            if number == kills:
                break
            time.sleep(chance.uniform(0, 0.2))
            callers.one_is_answered.clear()
            assert callers.one_is_answered.wait(10)
            time.sleep(chance.uniform(0, 0.003))
            gateway.child.kill()
            gateway.child.wait()
        callers.end()
        figures = compare_with_the_bill(gateway, lab, callers.answered)
        assert figures["calls"] >= lab.stats()["requests"]
        record("R5", store=kind_of(store), kills=kills, requests=callers.requests, attempts=callers.attempts, **figures)
        gateway.stop()


def test_r5_a_kill_after_the_answer_and_before_its_settlement_is_written(tmp_path):
    """Somebody else holds the database for writing while the provider answers: the kill comes when nothing but the
    reservation can have been written."""
    path = tmp_path / "ledger.db"
    body = chat_body("fast", "word", max_tokens=50, lab={"tokens": 20, "echo": False, "ttft": "400ms"})
    with Lab(tmp_path) as lab:
        written = settings(lab, tmp_path, budget={"usd": 1, "per": "day"})
        gateway = Gateway(tmp_path, written)
        with gateway.raw() as connection, contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            headers = BEARER | {"Idempotency-Key": "once"}
            connection.send(request_bytes("POST", "/v1/chat/completions", headers=headers, body=body))
            wait_until(lambda: lab.stats()["requests"] == 1, step=0.002)
            time.sleep(0.1)  # so that the reservation is on disk, too
            holder.execute("BEGIN IMMEDIATE")
            answer = connection.read()
            assert answer.status == 200
            gateway.child.kill()
            gateway.child.wait()
            holder.execute("ROLLBACK")
        bill = billed(lab)
        with Gateway(tmp_path, written) as gateway:
            assert counted(gateway) >= bill
            row = wait_until(lambda: used(gateway)["ci"]["open"] == 0 and used(gateway)["ci"])
            assert (row["calls"], [call["request_id"] for call in lines(gateway)]) == (1, [answer.header("x-request-id")])
            assert 0 < bill <= nano(row) == counted(gateway)
            again = gateway.ask("POST", "/v1/chat/completions", headers=headers, body=body)
            assert again.status == 200 and again.header("x-sluice-idempotent-replay") is None
            wait_until(lambda: used(gateway)["ci"]["open"] == 0 and used(gateway)["ci"]["calls"] == 2)
            assert nano(used(gateway)["ci"]) == nano(row) + billed(lab) - bill
            assert "ok" in command(gateway, "ledger", "verify").lower()


# --- R4 ----------------------------------------------------------------------------------------------------------------


OUTPUT_ONLY = {"input": 0, "output": 10}  # so what 20 tokens may cost at most is what they cost
WORST = 20 * TOKEN_OUT


@pytest.mark.seconds(1800)
def test_r4_a_budget_of_a_hundred_worst_cases_and_a_thousand_clients(tmp_path, scale):
    budget, seeds, clients = 100 * WORST, scale(2, 50), scale(300, 1000)
    totals = Counter()
    for seed in range(seeds):
        folder = tmp_path / str(seed)
        folder.mkdir()
        with Lab(folder) as lab:
            written = settings(lab, folder, budget={"usd": budget / 1e9, "per": "total", "when_short": "reject"},
                               prices=OUTPUT_ONLY)
            with Gateway(folder, written) as gateway:
                totals += spend_it_all([gateway], lab, budget, seed, clients)
    record("R4", replicas=1, seeds=seeds, clients=clients, over_nano_usd=0, unusable_nano_usd=0, **totals)


def spent_when_nothing_is_open(gateways):
    wait_until(lambda: all(reserved(gateway) == 0 for gateway in gateways), 5, what="every reservation is back")
    wait_until(lambda: used(gateways[0])["ci"]["open"] == 0, 5)
    return nano(used(gateways[0])["ci"])


def spend_the_rest(gateways, budget, most):
    """Of a budget where output alone has a price, to its last token in calls of `most`. Returns how many: none is refused."""
    spent, calls = spent_when_nothing_is_open(gateways), 0
    assert spent <= budget
    while spent < budget:
        tokens = min(most, (budget - spent) // TOKEN_OUT)
        answer = gateways[calls % len(gateways)].chat("fast", headers=BEARER, max_tokens=tokens,
                                                      lab={"tokens": tokens, "echo": False})
        assert answer.status == 200, (answer, budget - spent)
        calls += 1
        spent += answer.json()["usage"]["completion_tokens"] * TOKEN_OUT
        wait_until(lambda: all(reserved(gateway) == 0 for gateway in gateways), 5, step=0.002)
    for gateway in gateways:
        # A replica hears within moments what others have settled; until then they might give some of it back.
        wait_until(lambda: gateway.chat("fast", headers=BEARER, max_tokens=1).error["code"] == "insufficient_quota",
                   3 if len(gateways) > 1 else 0, what="insufficient_quota")
    assert spent_when_nothing_is_open(gateways) == budget
    return calls


def spend_it_all(gateways, lab, budget, seed, clients):
    """All `clients` at once, then what is left one by one, to the last token. Returns how often there was what outcome."""
    ready, outcomes, lock = threading.Barrier(clients), Counter(), threading.Lock()

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
        with gateways[number % len(gateways)].raw(timeout=60) as connection:
            connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER, body=body))
            if kind == "leaving":
                time.sleep(chance.uniform(0, 0.3))
                connection.reset()
                outcome = "left"
            else:
                answer = connection.read()
                outcome = answer.error["code"] if answer.status == 429 else str(answer.status)
        with lock:
            outcomes[outcome] += 1

    assert in_threads(clients, client) == []
    assert set(outcomes) <= {"200", "502", "left", "budget_in_use", "insufficient_quota"}, outcomes
    spent = spent_when_nothing_is_open(gateways)
    if budget - spent >= WORST:
        assert outcomes["insufficient_quota"] == 0, "said to be spent, but it never was"
    outcomes["afterwards"] = spend_the_rest(gateways, budget, 20)
    wait_until(lambda: lab.stats()["open_streams"] == 0)
    # What a provider has sent and nobody has read when a client leaves is on its bill, and known to nobody else.
    outcomes["unseen_tokens"] = max(0, billed(lab, token_in=0) - budget) // TOKEN_OUT
    assert outcomes["unseen_tokens"] <= 20 * outcomes["left"]
    print(f"R4: seed {seed}: {dict(outcomes)}")
    return outcomes


# --- R6 ----------------------------------------------------------------------------------------------------------------


@pytest.mark.seconds(1800)
def test_r6_nothing_stays_reserved(tmp_path, scale):
    outcomes, lock = Counter(), threading.Lock()
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
                        hurry = {"x-stainless-timeout": "0.02"} if chance.random() < 0.1 else {}
                        connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER | hurry, body=body))
                        if chance.random() < 0.2:
                            time.sleep(chance.uniform(0, 0.02))
                            connection.reset()
                            continue
                        status = str(connection.read().status)
                    with lock:
                        outcomes[status] += 1

            assert in_threads(scale(16, 40), client) == []
            ended = time.monotonic()
            wait_until(lambda: reserved(gateway) == 0, 1 + 2 * (SLOW - 1), what="nothing reserved after a second")
            free_after = time.monotonic() - ended
            row = wait_until(lambda: used(gateway)["ci"]["open"] == 0 and used(gateway)["ci"])
            assert "ok" in command(gateway, "ledger", "verify").lower()
            record("R6", requests=scale(16 * 40, 40 * 2500), calls=row["calls"], failed=row["failed"],
                   free_after_s=round(free_after, 3), statuses=dict(outcomes))


GIVEN_BACK = 1  # seconds after the last request


class MixedCallers(Callers):
    """All that can go wrong with a request, but never a gateway that is gone for long: `gone` says that it is."""

    FAULTS = [{}, {}, {"status": 500}, {"cut_after_events": 2}, {"reset_after_events": 1}, {"ttft": "30ms"}, {"error_after": 2},
              {"per_token": "3ms"}, {"usage": "missing"}]

    def __init__(self, count, seed):
        super().__init__(count)
        self.seed, self.requests = seed, 0

    def work(self, number):
        chance = random.Random(self.seed * 1000 + number)
        while not self.stop.is_set():
            body = chat_body("fast", "hello", stream=chance.random() < 0.6, max_tokens=chance.choice([10, 100]),
                             lab={"tokens": 10, "echo": False, **chance.choice(self.FAULTS)})
            hurry = {"x-stainless-timeout": "0.02"} if chance.random() < 0.1 else {}
            try:
                with Connection(self.port, 10) as connection:
                    connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER | hurry, body=body))
                    if chance.random() < 0.2:
                        time.sleep(chance.uniform(0, 0.02))
                        connection.reset()
                    else:
                        connection.read()
            except (OSError, Closed, AssertionError, ValueError):
                time.sleep(0.005)
                continue
            with self.lock:
                self.requests += 1


@pytest.mark.seconds(1800)
def test_r6_nothing_stays_reserved_behind_a_kill(tmp_path, scale, store):
    """SIGKILL among mixed requests, which go on at the next process; a second after the last one all is given back."""
    kills = scale(5, 100) if kind_of(store) == "sqlite" else scale(2, 30)
    chance, waits, requests = random.Random(6), [], 0
    with Lab(tmp_path) as lab:
        written = settings(lab, tmp_path, storage=store)
        written["keys"][0] |= {"budget": {"usd": 1000, "per": "day"}, "rate": {"concurrent": 1000, "tpm": "100M", "rpm": "1M"}}
        gateway = Gateway(tmp_path, written)
        for number in range(kills):
            callers = MixedCallers(12, number)
            callers.port = gateway.data
            callers.begin()
            time.sleep(chance.uniform(0.05, 0.5))
            gateway.child.kill()
            gateway.child.wait()
            gateway = Gateway(tmp_path, written)
            callers.port = gateway.data
            time.sleep(chance.uniform(0.05, 0.5))
            callers.end()
            ended = time.monotonic()
            requests += callers.requests
            wait_until(lambda: reserved(gateway) == 0, GIVEN_BACK, what="nothing is reserved")
            wait_until(lambda: used(gateway)["ci"]["open"] == 0, GIVEN_BACK, what="nothing is open")
            waits.append(time.monotonic() - ended)
        assert "ok" in command(gateway, "ledger", "verify").lower()
        row = used(gateway)["ci"]
        assert counted(gateway) == nano(row)
        record("R6", store=kind_of(store), kills=kills, requests=requests, calls=row["calls"], failed=row["failed"],
               free_median_s=round(percentile(waits, 0.5), 3), free_most_s=round(max(waits), 3))
        gateway.stop()


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
        asked, times = lab.stats()["requests"], []
        for _ in range(200):
            begun = time.monotonic()
            assert gateway.chat("fast", headers=BEARER, max_tokens=20).status == 503
            times.append(time.monotonic() - begun)
        assert lab.stats()["requests"] == asked
        record("R25", refused=len(times), median_ms=round(1000 * percentile(times, 0.5), 1),
               p99_ms=round(1000 * percentile(times, 0.99), 1), most_ms=round(1000 * max(times), 1))
        assert percentile(times, 0.99) < 0.1 * SLOW * SLOW
        assert ask(gateway.admin, "GET", "/healthz").status == 200
        filler.unlink()
        wait_until(lambda: gateway.chat("fast", headers=BEARER, max_tokens=20).status == 200, 5, what="it serves again")
        wait_until(lambda: used(gateway)["ci"]["open"] == 0)
        assert nano(used(gateway)["ci"]) == billed(lab)
        assert "ok" in command(gateway, "ledger", "verify").lower()

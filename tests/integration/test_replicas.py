"""Three replicas that share keys, ledger and limits through a real PostgreSQL and a real Redis."""

import json
import os
import subprocess
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest
import servers
from administration import admin, chat_status, make_key
from figures import record
from harness import BINARY, CALLER_KEY, FORGIVING, SLOW, wait_until
from test_drills_money import OUTPUT_ONLY, WORST, billed, reserved, spend_it_all, spend_the_rest

pytestmark = pytest.mark.skipif(bool(servers.missing()), reason=f"not installed: {servers.missing()}")

BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
FREE = {"authorization": f"Bearer {CALLER_KEY}-without-limits"}
TOKEN_IN, TOKEN_OUT = 1_000, 10_000  # nano-dollars, for the prices below
PRICES = {"input": 1, "output": 10}


@pytest.fixture(scope="module")
def postgres():
    with servers.Postgres() as server:
        yield server


@pytest.fixture
def redis():
    with servers.Redis() as server:
        yield server


@pytest.fixture
def replicas(start, lab, postgres, redis):
    """Starts gateways that are alike: replicas(count, limits of the first of their two keys, storage)."""
    lab.reset()

    def replicas(count=3, storage=None, prices=PRICES, **key):
        schema = f"r{time.monotonic_ns()}"
        run_sql(postgres, f"CREATE SCHEMA {schema}")
        database = f"{postgres.url}?options=-csearch_path%3D{schema}"
        settings = {"database": database, "shared_state": redis.url, **(storage or {})}
        keys = [{"name": "ci", "value": CALLER_KEY, **key}, {"name": "free", "value": f"{CALLER_KEY}-without-limits"}]
        return [start(models={"fast": "lab/fast"}, defaults=FORGIVING, prices={"lab/fast": prices}, storage=settings,
                      keys=keys, admin={"token": "money-drill-admin"}) for _ in range(count)]

    return replicas


def run_sql(postgres, sql):
    environment = {**os.environ, "PGPASSWORD": servers.DATABASE_PASSWORD}
    subprocess.run([servers.program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(postgres.port),
                    "-U", servers.DATABASE_USER, "-c", sql, "postgres"], env=environment, check=True, timeout=30)


def is_shared(gateway):
    return gateway.metric("sluice_limits_sharing", state="shared") == 1


def ask(gateway, max_tokens=100, headers=BEARER):
    return gateway.chat("fast", headers=headers, max_tokens=max_tokens)


def bill(lab):
    bills = lab.control("bill")["bills"]
    return sum(each["prompt_tokens"] * TOKEN_IN + each["completion_tokens"] * TOKEN_OUT for each in bills)


def spent(gateway):
    """By the ledger, in nano-dollars."""
    done = subprocess.run([BINARY, "usage", "--by", "key", "--since", "1d", "--json", "--config", gateway.config_path],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return sum(int(Decimal(str(row["cost_usd"])) * 1_000_000_000) for row in json.loads(done.stdout)["rows"])


def hammer(gateways, seconds, threads=4):
    """Statuses of what all of them were asked meanwhile, from several threads each."""
    statuses, until = [], time.monotonic() + seconds

    def work(gateway):
        while time.monotonic() < until:
            statuses.append(ask(gateway).status)

    workers = [threading.Thread(target=work, args=(gateway,)) for gateway in gateways for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return statuses


def test_three_replicas_never_spend_more_than_one_budget(replicas, lab):
    budget = 20_000_000  # nano-dollars
    gateways = replicas(budget={"usd": budget / 1e9, "per": "total"})
    wait_until(lambda: all(ask(gateway).status == 200 for gateway in gateways), seconds=15, step=0.2, what="shared limits")
    statuses = hammer(gateways, seconds=6)
    assert set(statuses) <= {200, 429}, set(statuses)
    wait_until(lambda: spent(gateways[0]) == bill(lab), seconds=5, step=0.2, what="the ledger")
    assert bill(lab) <= budget


def test_lost_counters_are_rebuilt_and_keys_without_limits_do_not_notice(replicas, lab, redis):
    gateways = replicas(count=2, budget={"usd": 1000, "per": "total"})
    wait_until(lambda: all(ask(gateway).status == 200 for gateway in gateways), seconds=15, step=0.2, what="shared limits")
    redis.ask("FLUSHALL")
    begun = time.monotonic()
    time.sleep(0.7)  # until everybody has noticed
    wait_until(lambda: all(ask(gateway).status == 200 for gateway in gateways), seconds=10, step=0.05, what="recovery")
    assert time.monotonic() - begun <= 5.5 * SLOW
    wait_until(lambda: spent(gateways[0]) == bill(lab), seconds=5, step=0.2, what="the ledger")


def test_a_budget_that_replicas_have_spent_is_used_up_and_what_they_hold_is_in_use(replicas, lab):
    tokens = 300
    gateways = replicas(budget={"usd": tokens * TOKEN_OUT / 1e9, "per": "day", "when_short": "reject"}, prices=OUTPUT_ONLY)
    wait_until(lambda: all(is_shared(gateway) for gateway in gateways), 15, what="shared limits")
    first, second, third = gateways

    def spend(gateway, count, **lab_options):
        return gateway.chat("fast", headers=BEARER, max_tokens=count, lab={"tokens": count, "echo": False, **lab_options})

    wait_until(lambda: spend(first, 100).status == 200, what="a slice of the budget")
    slow = threading.Thread(target=lambda: spend(second, 200, ttft="2s"))
    slow.start()
    wait_until(lambda: reserved(second) > 0, what="a call under way")
    refused = spend(third, 1)
    assert (refused.status, refused.error["code"]) == (429, "budget_in_use")
    assert refused.header("x-should-retry") == "true" and refused.header("retry-after") == "1"
    slow.join()

    for gateway in gateways:
        wait_until(lambda: spend(gateway, 1).error["code"] != "budget_in_use", 3, what="what others have settled")
        refused = spend(gateway, 1)
        assert (refused.status, refused.error["code"], refused.error["type"]) == (429, *["insufficient_quota"] * 2)
        assert refused.header("x-should-retry") == "false"
        assert 0 < int(refused.header("retry-after")) <= 86_400 * 1.2
    assert spent(first) == tokens * TOKEN_OUT


def test_what_little_others_have_left_bounds_an_answer(replicas, lab):
    gateways = replicas(budget={"usd": 300 * TOKEN_OUT / 1e9, "per": "total"}, prices=OUTPUT_ONLY)
    wait_until(lambda: all(is_shared(gateway) for gateway in gateways), 15, what="shared limits")
    options = {"tokens": 240, "echo": False}
    assert gateways[0].chat("fast", headers=BEARER, max_tokens=240, lab=options).status == 200
    bounded = wait_until(lambda: (answer := gateways[1].chat("fast", headers=BEARER, max_tokens=200, lab=options)).status == 200
                         and answer, 3, what="the rest")
    assert bounded.header("x-sluice-max-tokens") == "60"
    assert bounded.json()["usage"]["completion_tokens"] == 60


@pytest.mark.seconds(900)
def test_r4_a_thousand_clients_of_three_replicas_and_one_budget(replicas, lab, redis, scale):
    budget, seeds, clients = 100 * WORST, scale(1, 5), scale(300, 1000)
    totals = Counter()
    for seed in range(seeds):
        lab.reset()
        redis.ask("FLUSHALL")  # a new ledger, and nothing of it counted
        gateways = replicas(budget={"usd": budget / 1e9, "per": "total", "when_short": "reject"}, prices=OUTPUT_ONLY)
        wait_until(lambda: all(is_shared(gateway) for gateway in gateways), 15, what="shared limits")
        totals += spend_it_all(gateways, lab, budget, seed, clients)
        for gateway in gateways:
            gateway.stop()
    record("R4", replicas=3, seeds=seeds, clients=clients, over_nano_usd=0, unusable_nano_usd=0, **totals)


@pytest.mark.seconds(300)
@pytest.mark.parametrize("event", ["FLUSHALL", "restart", "SIGSTOP"])
def test_r7_redis_fails_under_load(replicas, lab, redis, scale, event, tmp_path):
    """Whatever becomes of it: no overspend, keys without limits do not notice, and all of the budget can be spent."""
    budget = scale(1, 2) * 1_000_000_000
    gateways = replicas(budget={"usd": budget / 1e9, "per": "total"}, prices=OUTPUT_ONLY)
    wait_until(lambda: all(is_shared(gateway) for gateway in gateways), 15, what="shared limits")
    statuses, free, over = Counter(), Counter(), threading.Event()

    def load(gateway, headers, counts):
        while not over.is_set():
            answer = ask(gateway, headers=headers)
            counts[answer.status if answer.status == 200 else answer.error["code"]] += 1
            time.sleep(0.005)

    workers = [threading.Thread(target=load, args=(gateway, headers, counts), daemon=True) for gateway in gateways
               for headers, counts in ((BEARER, statuses), (FREE, free))]
    naps = [0.0]

    def watch_the_machine():
        with open(tmp_path / "probe", "wb", buffering=0) as probe:
            while not over.is_set():
                begun = time.monotonic()
                time.sleep(0.05)
                probe.write(b"x" * 4096)
                os.fsync(probe.fileno())
                naps.append(time.monotonic() - begun)

    workers.append(threading.Thread(target=watch_the_machine, daemon=True))
    for worker in workers:
        worker.start()
    time.sleep(1)
    if event == "FLUSHALL":
        redis.ask("FLUSHALL")
    elif event == "restart":
        redis.restart()
    else:
        redis.pause()
        time.sleep(scale(4, 10))
        redis.resume()
    begun = time.monotonic()
    time.sleep(0.7)  # until everybody has noticed
    wait_until(lambda: all(ask(gateway).status == 200 for gateway in gateways), seconds=10, step=0.05, what="recovery")
    recovered = time.monotonic() - begun
    time.sleep(1)
    over.set()
    for worker in workers:
        worker.join()
    # A call waits for up to a second for its line in PostgreSQL: two syncs there, of a machine or a disk that stands
    # still for half a second.
    stalled = {"ledger_unavailable"} if max(naps) > 0.5 else set()
    assert set(free) <= {200} | stalled and set(statuses) <= {200, "budget_in_use"} | stalled, (free, statuses, max(naps))
    assert recovered <= 5 * SLOW
    rest = spend_the_rest(gateways, budget, 2_000)
    assert spent(gateways[0]) == billed(lab, token_in=0)
    record("R7", event=event, stopped_s=scale(4, 10) if event == "SIGSTOP" else 0, recovered_s=round(recovered, 2),
           limited=dict(statuses), unlimited=dict(free), spent_afterwards_in_calls=rest, over_nano_usd=0,
           machine_stood_still_s=round(max(naps), 2))


def test_r22_a_key_that_is_revoked_at_one_replica_is_refused_by_all(replicas, scale):
    gateways, slowest = replicas(), 0
    for number in range(scale(3, 20)):
        made = make_key(gateways[0], f"short-{number}", token="money-drill-admin")
        wait_until(lambda: all(chat_status(each, made["key"]) == 200 for each in gateways), 10, what="all know the key")
        assert admin(gateways[0], "PATCH", f"/admin/keys/{made['id']}", {"disabled": True}, "money-drill-admin").status == 200
        begun = time.monotonic()
        assert chat_status(gateways[0], made["key"]) == 401
        wait_until(lambda: all(chat_status(each, made["key"]) == 401 for each in gateways), 5, 0.01, what="none takes it")
        slowest = max(slowest, time.monotonic() - begun)
    record("R22", replicas=3, keys=scale(3, 20), slowest_s=round(slowest, 2))


def test_without_redis_limited_keys_are_refused_and_come_back(replicas, redis):
    gateways = replicas(count=1, budget={"usd": 1000, "per": "total"})
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=15, step=0.2, what="shared limits")
    redis.pause()
    try:
        wait_until(lambda: ask(gateways[0]).status == 429, seconds=8, step=0.1, what="a refusal")
    finally:
        redis.resume()
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=3, step=0.05, what="recovery")


def test_replicas_that_may_count_alone_without_redis_say_so_and_add_up_afterwards(replicas, lab, redis):
    tokens = 1_000
    gateways = replicas(storage={"if_unavailable": "allow"}, prices=OUTPUT_ONLY,
                        budget={"usd": tokens * TOKEN_OUT / 1e9, "per": "total"})
    wait_until(lambda: all(is_shared(gateway) for gateway in gateways), 15, what="shared limits")

    def spend(gateway, count):
        return gateway.chat("fast", headers=BEARER, max_tokens=count, lab={"tokens": count, "echo": False}).status

    redis.pause()
    try:
        for gateway in gateways:
            wait_until(lambda: gateway.metric("sluice_limits_sharing", state="alone") == 1, 8, what="counting alone")
            assert "limits_not_shared" in gateway.err and "count in this process alone" in gateway.err
        assert [spend(gateway, 200) for gateway in gateways] == [200, 200, 200]
    finally:
        redis.resume()
    wait_until(lambda: all(is_shared(gateway) for gateway in gateways), 3, what="shared limits")
    assert "limits are shared through Redis" in gateways[0].err
    spend_the_rest(gateways, tokens * TOKEN_OUT, 150)
    assert spent(gateways[0]) == billed(lab, token_in=0) == tokens * TOKEN_OUT


def test_postgres_that_ends_is_503_and_the_process_goes_on_when_it_is_back(replicas, postgres, lab):
    gateways = replicas(count=1)
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=15, step=0.2, what="a ledger")
    postgres.stop()
    try:
        wait_until(lambda: ask(gateways[0]).status == 503, seconds=8, step=0.1, what="a refusal")
    finally:
        postgres.start()
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=8, step=0.1, what="recovery")
    wait_until(lambda: spent(gateways[0]) == bill(lab), seconds=5, step=0.2, what="the ledger")


def test_a_password_of_a_store_is_never_said(replicas):
    gateways = replicas(count=1)
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=15, step=0.2, what="a ledger")
    assert servers.DATABASE_PASSWORD not in gateways[0].err + gateways[0].out

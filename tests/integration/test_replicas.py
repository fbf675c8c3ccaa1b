"""Three replicas that share keys, ledger and limits through a real PostgreSQL and a real Redis."""

import json
import os
import subprocess
import threading
import time
from decimal import Decimal

import pytest
import servers
from harness import BINARY, CALLER_KEY, FORGIVING, wait_until

pytestmark = pytest.mark.skipif(bool(servers.missing()), reason=f"not installed: {servers.missing()}")

BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
TOKEN_IN, TOKEN_OUT = 1_000, 10_000  # nano-dollars, for the prices below
PRICES = {"lab/fast": {"input": 1, "output": 10}}


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
    """Starts gateways that are alike: replicas(count, limits of their one key, storage)."""
    lab.reset()

    def replicas(count=3, storage=None, **key):
        schema = f"r{time.monotonic_ns()}"
        run_sql(postgres, f"CREATE SCHEMA {schema}")
        database = f"{postgres.url}?options=-csearch_path%3D{schema}"
        settings = {"database": database, "shared_state": redis.url, **(storage or {})}
        return [start(models={"fast": "lab/fast"}, defaults=FORGIVING, prices=PRICES, storage=settings,
                      keys=[{"name": "ci", "value": CALLER_KEY, **key}]) for _ in range(count)]

    return replicas


def run_sql(postgres, sql):
    environment = {**os.environ, "PGPASSWORD": servers.DATABASE_PASSWORD}
    subprocess.run([servers.program("psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(postgres.port),
                    "-U", servers.DATABASE_USER, "-c", sql, "postgres"], env=environment, check=True, timeout=30)


def ask(gateway, max_tokens=100):
    return gateway.chat("fast", headers=BEARER, max_tokens=max_tokens)


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
    assert time.monotonic() - begun <= 5.5
    wait_until(lambda: spent(gateways[0]) == bill(lab), seconds=5, step=0.2, what="the ledger")


def test_without_redis_limited_keys_are_refused_and_come_back(replicas, redis):
    gateways = replicas(count=1, budget={"usd": 1000, "per": "total"})
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=15, step=0.2, what="shared limits")
    redis.pause()
    try:
        wait_until(lambda: ask(gateways[0]).status == 429, seconds=8, step=0.1, what="a refusal")
    finally:
        redis.resume()
    wait_until(lambda: ask(gateways[0]).status == 200, seconds=3, step=0.05, what="recovery")


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

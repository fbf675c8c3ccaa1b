"""Keys with limits and budgets against the real gateway, its ledger, and the lab's own bill."""

import http.server
import json
import sqlite3
import subprocess
import threading
import time
from decimal import Decimal

import pytest
from harness import BINARY, FORGIVING, CALLER_KEY, chat_body, request_bytes, wait_until

BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
PRICES = {"input": 1, "output": 10}  # USD per million tokens
TOKEN_IN, TOKEN_OUT = 1_000, 10_000  # nano-dollars


@pytest.fixture
def paid(start, lab, tmp_path):
    """Starts gateways with one key and a ledger in a file: paid(budget={...}, rate={...}, ...)."""
    lab.reset()

    def paid(*, name="ci", models=None, prices=PRICES, **key):
        more = key.pop("more", {})
        models = models or {"fast": "lab/fast"}
        targets = {target if isinstance(target, str) else target["targets"][0] for target in models.values()}
        return start(models=models, defaults=FORGIVING, keys=[{"name": name, "value": CALLER_KEY, **key}],
                     prices={target: prices for target in targets} if prices else {},
                     storage={"database": f"sqlite://{tmp_path}/ledger.db"}, **more)

    return paid


def command(gateway, *arguments):
    """`sluice usage` and others, once the database has what the gateway's journal has (milliseconds later)."""
    if gateway.alive():
        wait_until(lambda: gateway.metric("sluice_ledger_waiting_lines") == 0, what="the database has every line")
    done = subprocess.run([BINARY, *arguments, "--config", gateway.config_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def used(gateway, by="key"):
    """{name: row} of `sluice usage`."""
    answer = json.loads(command(gateway, "usage", "--by", by, "--since", "1d", "--json"))
    return {row["name"]: row for row in answer["rows"]}


def nano(row):
    return int(Decimal(str(row["cost_usd"])) * 1_000_000_000)


def bill(lab):
    """What the lab would charge, by our prices."""
    bills = lab.control("bill")["bills"]
    return sum(each["prompt_tokens"] * TOKEN_IN + each["completion_tokens"] * TOKEN_OUT for each in bills)


def ask(gateway, **options):
    return gateway.chat("fast", headers=BEARER | options.pop("headers", {}), **options)


def stream(gateway, connection, **members):
    connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER,
                                  body=chat_body("fast", "hello there", stream=True, **members)))


# --- the ledger --------------------------------------------------------------------------------------------------------


def test_what_the_ledger_says_is_what_the_provider_charges(paid, lab):
    gateway = paid()
    for number in range(10):
        assert ask(gateway, stream=number % 2 == 0, lab={"tokens": 5 + number, "echo": False}).status == 200
    row = wait_until(lambda: (used(gateway).get("ci") or {}).get("calls") == 10 and used(gateway)["ci"])
    assert nano(row) == bill(lab) > 0
    assert (row["failed"], row["open"]) == (0, 0)
    assert nano(used(gateway, "provider")["lab"]) == nano(row)
    assert "ok" in command(gateway, "ledger", "verify").lower()


def test_it_survives_a_kill(paid, lab):
    gateway = paid(budget={"usd": 1, "per": "day"})
    answers = [ask(gateway, max_tokens=50) for _ in range(5)]
    assert [answer.status for answer in answers] == [200] * 5
    wait_until(lambda: used(gateway)["ci"]["calls"] == 5)
    gateway.child.kill()
    gateway.wait()
    assert nano(used(gateway)["ci"]) == bill(lab)
    assert "ok" in command(gateway, "ledger", "verify").lower()


def test_a_failed_attempt_costs_nothing_and_the_next_one_is_paid(paid, lab):
    gateway = paid()
    assert ask(gateway, lab={"status": 500}).status == 502
    wait_until(lambda: used(gateway)["ci"]["open"] == 0)
    row = used(gateway)["ci"]
    assert nano(row) == 0 and row["failed"] >= 1


# --- budgets -----------------------------------------------------------------------------------------------------------


def test_a_spent_budget_is_a_quota_error_that_no_client_repeats(paid, lab):
    gateway = paid(budget={"usd": 0.001, "per": "day"})
    while (answer := ask(gateway, max_tokens=40)).status == 200:
        pass
    assert answer.status == 429
    assert answer.error["code"] == answer.error["type"] == "insufficient_quota"
    assert "'ci'" in answer.error["message"] and "per day" in answer.error["message"]
    assert answer.header("x-should-retry") == "false"
    assert 0 < int(answer.header("retry-after")) <= 86_400 * 1.2
    asked = lab.stats()["requests"]
    assert ask(gateway, max_tokens=40).status == 429
    assert lab.stats()["requests"] == asked
    assert wait_until(lambda: nano(used(gateway)["ci"]) == bill(lab))
    assert bill(lab) <= 1_000_000


def test_it_stays_spent_over_a_restart(paid, start, lab):
    gateway = paid(budget={"usd": 0.001, "per": "day"})
    while ask(gateway, max_tokens=40).status == 200:
        pass
    gateway.stop()
    from harness import Gateway

    with Gateway(gateway.folder, gateway.config_path, name="again") as second:
        assert ask(second, max_tokens=40).status == 429


def test_an_answer_is_bounded_to_what_is_left(paid, lab):
    gateway = paid(budget={"usd": 0.002, "per": "day"})  # 200 tokens of output
    answer = ask(gateway, lab={"tokens": 30, "echo": False})
    assert answer.status == 200
    most = int(answer.header("x-sluice-max-tokens"))
    assert 16 <= most < 200
    assert lab.last()["body"]["max_tokens"] == most


def test_without_clamping_it_is_refused(paid):
    gateway = paid(budget={"usd": 0.002, "per": "day", "when_short": "reject"})
    assert ask(gateway, lab={"tokens": 30, "echo": False}).status == 429
    assert ask(gateway, max_tokens=20).status == 200


def test_a_stream_that_goes_beyond_the_budget_is_cut_with_an_error_and_paid_for(paid, lab):
    gateway = paid(budget={"usd": 0.05, "per": "day"})
    answer = ask(gateway, stream=True, lab={"tokens": 20_000, "echo": False, "tokens_per_chunk": 20,
                                             "per_token": "1ms"}, timeout=30)
    assert answer.status == 200
    last = answer.events[-1]
    assert last["error"]["code"] == "insufficient_quota"
    assert b"[DONE]" not in answer.body
    row = wait_until(lambda: (used(gateway).get("ci") or {}).get("open") == 0 and used(gateway)["ci"])
    assert 0 < nano(row) <= 50_000_000
    wait_until(lambda: lab.stats()["cancelled"] == 1)


def test_a_model_without_a_price_is_refused_under_a_budget(paid):
    gateway = paid(budget={"usd": 1, "per": "day"}, prices=None)
    answer = ask(gateway)
    assert (answer.status, answer.error["code"]) == (400, "unpriced_model")
    gateway.stop()
    gateway = paid(budget={"usd": 1, "per": "day", "unpriced": "allow"}, prices=None)
    assert ask(gateway).status == 200


def test_a_budget_that_comes_near_its_end_warns_in_the_log_and_at_a_webhook(paid):
    told = []

    class Webhook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    gateway = paid(budget={"usd": 0.001, "per": "day", "warn_at": ["5%", "15%"]},
                   more={"admin": {"token": "a-token-for-the-webhook", "warning_webhook":
                                   f"http://127.0.0.1:{server.server_port}/warn"}})
    while ask(gateway, max_tokens=40).status == 200:
        pass
    wait_until(lambda: len(told) == 2, what="two warnings at the webhook")
    server.shutdown()
    assert [(each["scope"], each["name"], each["percent"]) for each in told] == [("key", "ci", 5), ("key", "ci", 15)]
    assert told[0]["limit"] == "0.001 USD per day"
    assert gateway.err.count("SL5003") == 2


@pytest.mark.seconds(60)
def test_a_call_without_its_lines_raises_an_alarm(paid, tmp_path):
    gateway = paid()
    for _ in range(3):
        assert ask(gateway).status == 200
    wait_until(lambda: used(gateway)["ci"]["calls"] == 3)
    assert gateway.metric("sluice_ledger_missing_total") == 0
    with sqlite3.connect(tmp_path / "ledger.db", timeout=10) as database:  # as if the store had lost two of them
        database.execute("UPDATE epochs SET calls = calls - 2, settled = settled - 2")
    wait_until(lambda: gateway.metric("sluice_ledger_missing_total") > 0, 25, what="the alarm")
    assert "SL5005" in gateway.err


# --- rates and places --------------------------------------------------------------------------------------------------


def test_requests_per_minute(paid):
    gateway = paid(rate={"rpm": 3})
    first = ask(gateway)
    assert first.header("x-ratelimit-limit-requests") == "3"
    assert first.header("x-ratelimit-remaining-requests") == "2"
    answers = [ask(gateway) for _ in range(4)]
    if [answer.status for answer in answers][:2] == [200, 200] and answers[2].status == 429:  # all in one minute
        refused = answers[2]
        assert refused.error["code"] == "rate_limit_exceeded"
        assert refused.header("x-should-retry") == "true"
        wait = int(refused.header("retry-after-ms"))
        assert 0 < wait <= 60_000
        assert refused.header("x-ratelimit-remaining-requests") == "0"


def test_requests_at_a_time_and_a_slot_for_each_that_leaves(paid):
    gateway = paid(rate={"concurrent": 2})
    slow = {"tokens": 200, "echo": False, "per_token": "50ms"}
    with gateway.raw() as one, gateway.raw() as two:
        stream(gateway, one, lab=slow)
        stream(gateway, two, lab=slow)
        wait_until(lambda: gateway.metric("sluice_streams_open") == 2 or True)
        time.sleep(0.3)
        refused = ask(gateway)
        assert refused.status == 429 and "at a time" in refused.error["message"]
        one.reset()
        wait_until(lambda: ask(gateway).status == 200, what="the slot of the client that left")
        two.reset()
    for _ in range(20):  # whoever leaves, however: no slot is lost
        with gateway.raw() as gone:
            stream(gateway, gone, lab=slow)
            gone.reset()
    wait_until(lambda: all(answer.status == 200 for answer in [ask(gateway), ask(gateway)]))


def test_teams_tags_users_models_and_providers_have_budgets_too(start, lab, tmp_path):
    lab.reset()
    everything = {
        "teams": {"search": {"budget": {"usd": 0.001, "per": "month"}}},
        "keys": [{"name": "one", "value": CALLER_KEY, "team": "search"},
                 {"name": "two", "value": CALLER_KEY + "-two", "team": "search"}],
        "prices": {"lab/fast": PRICES},
        "storage": {"database": f"sqlite://{tmp_path}/ledger.db"},
    }
    gateway = start(models={"fast": "lab/fast"}, defaults=FORGIVING, **everything)
    both = [{"authorization": f"Bearer {key}"} for key in (CALLER_KEY, CALLER_KEY + "-two")]
    answers = [gateway.chat("fast", headers=both[number % 2], max_tokens=40).status for number in range(12)]
    assert 200 in answers and answers[-2:] == [429, 429]
    refused = gateway.chat("fast", headers=both[0], max_tokens=40)
    assert "team 'search'" in refused.error["message"]


def test_threads_on_one_budget_never_overspend_and_all_of_it_can_be_used(paid, lab):
    gateway = paid(budget={"usd": 0.02, "per": "day", "when_short": "reject"})
    counts = {200: 0, 429: 0}
    lock = threading.Lock()

    def work():
        for _ in range(20):
            answer = ask(gateway, max_tokens=20, lab={"tokens": 20, "echo": False})
            with lock:
                counts[answer.status] += 1
            if answer.status == 429 and answer.header("x-should-retry") == "true":
                time.sleep(0.01)

    threads = [threading.Thread(target=work) for _ in range(16)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    while (answer := ask(gateway, max_tokens=20, lab={"tokens": 20, "echo": False})).status == 200:
        counts[200] += 1
    wait_until(lambda: used(gateway)["ci"]["open"] == 0)
    spent = nano(used(gateway)["ci"])
    assert spent == bill(lab) <= 20_000_000
    assert spent >= 20_000_000 * 0.95

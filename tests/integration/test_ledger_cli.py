"""`sluice usage` and `sluice ledger`, beside a gateway that runs and without one."""

import csv
import io
import json
import sqlite3
import subprocess
from decimal import Decimal

import pytest
from administration import TOKEN, admin, chat_status, make_key
from harness import BINARY, CALLER_KEY, FORGIVING, clean_environment, wait_until

BEARER = {"authorization": f"Bearer {CALLER_KEY}"}
CALLS = 5


def run(*arguments, code=0):
    done = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          env=clean_environment())
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture
def ledger(start, lab, tmp_path):
    """A gateway that has served CALLS calls, all of them settled."""
    lab.reset()
    path = tmp_path / "ledger.db"
    gateway = start(models={"fast": "lab/fast"}, defaults=FORGIVING,
                    keys=[{"name": "ci", "value": CALLER_KEY, "tags": {"env": "test"}}],
                    prices={"lab/fast": {"input": 1, "output": 10}}, storage={"database": f"sqlite://{path}"})
    for _ in range(CALLS):
        assert gateway.chat("fast", headers=BEARER).status == 200
    gateway.database = f"sqlite://{path}"
    gateway.path = path
    wait_until(lambda: [(row["calls"], row["open"]) for row in rows(gateway, "key")] == [(CALLS, 0)])
    return gateway


def rows(gateway, by, *more):
    return json.loads(run("usage", "--database", gateway.database, "--by", by, "--json", *more))["rows"]


@pytest.mark.parametrize("by", ["key", "team", "model", "provider", "target", "tag", "user", "day"])
def test_usage_adds_up_by_everything(ledger, by):
    found = rows(ledger, by)
    assert sum(row["calls"] for row in found) == CALLS
    assert sum(row["cost_nano_usd"] for row in found) > 0
    for row in found:
        assert Decimal(row["cost_usd"]) * 10**9 == row["cost_nano_usd"]


def test_usage_of_keys_says_their_names_and_ids(start, lab, tmp_path):
    gateway = start(models={"fast": "lab/fast"}, prices={"lab/fast": {"input": 1, "output": 10}},
                    keys=[{"name": "ci", "value": CALLER_KEY}], storage={"database": f"sqlite://{tmp_path}/ledger.db"},
                    admin={"token": TOKEN})
    gateway.database = f"sqlite://{tmp_path}/ledger.db"
    first, second = make_key(gateway, "first"), make_key(gateway, "second")
    for key in (CALLER_KEY, first["key"], second["key"]):
        assert chat_status(gateway, key) == 200
    rotated = admin(gateway, "POST", f"/admin/keys/{first['id']}/rotate", {}).json()
    assert chat_status(gateway, rotated["key"]) == 200
    wait_until(lambda: [row["open"] for row in rows(gateway, "key")] == [0, 0, 0])

    assert {(row["name"], row.get("key"), row["calls"]) for row in rows(gateway, "key")} == {
        ("ci", "ci", 1), (first["id"], "first", 2), (second["id"], "second", 1)}
    assert f"first ({first['id']})" in run("usage", "--database", gateway.database, "--by", "key")
    said = admin(gateway, "GET", "/admin/usage?by=key&since=1h").json()["rows"]
    assert {(row["name"], row.get("key")) for row in said} == {("ci", "ci"), (first["id"], "first"), (second["id"], "second")}
    assert [row["calls"] for row in rows(gateway, "model", "--key", "first")] == [2]
    assert [row["calls"] for row in rows(gateway, "model", "--key", first["id"])] == [2]

    assert admin(gateway, "DELETE", f"/admin/keys/{second['id']}").status == 200
    assert {(row["name"], row.get("key")) for row in rows(gateway, "key")} >= {(second["id"], None)}
    said = admin(gateway, "GET", "/admin/usage?by=key&since=1h").json()["rows"]
    assert {(row["name"], row.get("key")) for row in said} >= {(second["id"], None)}


def test_usage_is_a_table_for_people_and_csv_for_spreadsheets(ledger):
    table = run("usage", "--config", ledger.config_path, "--by", "model").splitlines()
    assert table[0].split()[:3] == ["model", "calls", "failed"]
    assert table[1].split()[:3] == ["fast", str(CALLS), "0"]
    lines = list(csv.DictReader(io.StringIO(run("usage", "--database", ledger.database, "--by", "model", "--csv"))))
    assert [(line["model"], line["calls"]) for line in lines] == [("fast", str(CALLS))]
    assert Decimal(lines[0]["cost_usd"]) * 10**9 == rows(ledger, "model")[0]["cost_nano_usd"]


def test_usage_of_a_time_and_of_one_name(ledger):
    assert rows(ledger, "model", "--since", "2020-01-01", "--until", "2020-02-01T12:00:00Z") == []
    assert len(rows(ledger, "model", "--since", "1h", "--tag", "env=test")) == 1
    assert rows(ledger, "model", "--tag", "env=prod") == []


def test_a_ledger_that_was_changed_by_hand_does_not_verify(ledger):
    assert run("ledger", "verify", "--database", ledger.database).startswith("ok")
    with sqlite3.connect(ledger.path, timeout=10) as database:
        database.execute("UPDATE settlements SET cost = cost + 1 WHERE number = 1")
    said = json.loads(run("ledger", "verify", "--database", ledger.database, "--json", code=1))
    assert not said["ok"] and all("the sum says" in fault for fault in said["faults"]), said


def test_an_adjustment_changes_what_a_call_cost_and_says_why(ledger):
    before = rows(ledger, "key")[0]["cost_nano_usd"]
    call = json.loads(run("ledger", "export", "--database", ledger.database).splitlines()[0])
    run("ledger", "adjust", call["id"], "--usd", "-0.000001", "--why", "refund", "--database", ledger.database)
    run("ledger", "adjust", call["id"], "--usd=0.5", "--why", "fee", "--database", ledger.database)
    assert rows(ledger, "key")[0]["cost_nano_usd"] == before - 1_000 + 500_000_000
    exported = [json.loads(line) for line in run("ledger", "export", "--database", ledger.database).splitlines()]
    assert len(exported) == CALLS
    adjusted = next(each for each in exported if each["id"] == call["id"])
    assert [(each["amount_nano_usd"], each["why"]) for each in adjusted["adjustments"]] == [(-1_000, "refund"),
                                                                                          (500_000_000, "fee")]
    assert run("ledger", "verify", "--database", ledger.database).startswith("ok")


def test_forgotten_calls_leave_their_sums(ledger):
    before = rows(ledger, "key")
    assert run("ledger", "forget", "--before", "0s", "--database", ledger.database).startswith(f"{CALLS} calls")
    assert rows(ledger, "key") == before
    assert run("ledger", "export", "--database", ledger.database) == ""
    assert run("ledger", "verify", "--database", ledger.database).startswith("ok")
    assert ledger.chat("fast", headers=BEARER).status == 200


def test_the_ledger_can_be_read_when_the_gateway_has_ended(ledger):
    before = rows(ledger, "key")
    ledger.stop()
    assert rows(ledger, "key") == before


@pytest.mark.parametrize("arguments, code, says", [
    (["usage", "--by", "colour"], 2, "--by takes"),
    (["usage", "--since", "yesterday"], 2, "2026-07-01"),
    (["usage", "--csv", "--json"], 2, "excludes"),
    (["usage"], 69, "unable to open database file"),
    (["ledger", "verify"], 69, "unable to open database file"),
    (["ledger"], 2, "subcommand"),
    (["ledger", "forget"], 2, "--before is required"),
    (["ledger", "adjust", "17", "--usd", "1", "--why", "x"], 2, "EPOCH/NUMBER"),
    (["ledger", "adjust", "1/7", "--usd", "much", "--why", "x"], 2, "US dollars"),
])
def test_wrong_usage_has_its_code_and_says_what_is_right(tmp_path, arguments, code, says):
    more = [] if arguments == ["ledger"] else ["--database", f"sqlite://{tmp_path}/none.db"]
    assert says in run(*arguments, *more, code=code)
    assert not (tmp_path / "none.db").exists()


def test_another_kind_of_url_is_refused():
    assert "sqlite:///PATH" in run("usage", "--database", "mysql://host/db", code=69)

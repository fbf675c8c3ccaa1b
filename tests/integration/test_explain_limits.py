"""What `sluice explain` says of limits is what the same request then meets; and nothing is reserved by asking."""

import json

import pytest
from administration import SETTINGS, admin, make_key
from harness import CALLER_KEY, chat_body
from test_cli import run
from test_money import BEARER, PRICES, command, nano, used, wait_until

USAGE_OF_A_CALL = {"tokens": 5, "echo": False}


@pytest.fixture
def limited(start, tmp_path):
    """A gateway whose key `ci` has such limits."""
    def limited(**key):
        return start(models={"fast": "lab/fast"}, prices={"lab/fast": PRICES},
                     keys=[{"name": "ci", "value": CALLER_KEY, **key}],
                     storage={"database": f"sqlite://{tmp_path}/ledger.db"}, admin=SETTINGS["admin"])

    return limited


def explained(gateway, key="ci", **members):
    answer = admin(gateway, "POST", "/admin/explain", {"key": key, "body": chat_body("fast", **members)})
    assert answer.status == 200, answer
    return answer.json()


def served(gateway, **members):
    """The same request, byte for byte as explain reads it: its size bounds what it can cost."""
    body = json.dumps(chat_body("fast", **members), separators=(",", ":")).encode()
    return gateway.ask("POST", "/v1/chat/completions", headers=BEARER, body=body)


def limit(found, of):
    return next(each for each in found["limits"] if each["of"] == of)


def test_limits_stand_there_with_what_is_used_and_left(limited):
    gateway = limited(budget={"usd": 1, "per": "day"}, rate={"rpm": 10, "concurrent": 3})
    assert gateway.chat("fast", headers=BEARER, max_tokens=10, lab=USAGE_OF_A_CALL).status == 200
    wait_until(lambda: used(gateway)["ci"]["open"] == 0)
    found = explained(gateway, max_tokens=10)
    money = limit(found, "money")
    assert (money["kind"], money["name"], money["per"], money["text"]) == ("key", "ci", "day", "1 USD per day")
    assert money["settled"] == nano(used(gateway)["ci"]) > 0 == money["reserved"]
    assert money["room"] == 1_000_000_000 - money["settled"]
    assert money["resets_at"].endswith("T00:00:00Z")
    assert limit(found, "requests")["settled"] == 1
    assert limit(found, "concurrent")["room"] == 3
    assert found["admission"]["admitted"] is True and found["admission"]["requests"] == 1


def test_the_worst_case_is_the_one_that_is_reserved(limited):
    gateway = limited(budget={"usd": 1, "per": "day"})
    found = explained(gateway, max_tokens=77)
    assert served(gateway, max_tokens=77).status == 200
    line = json.loads(wait_until(lambda: command(gateway, "ledger", "export", "--since", "1d")).splitlines()[0])
    assert found["order"][0]["at_most"]["cost_nano_usd"] == line["reserved_nano_usd"]
    assert found["order"][0]["at_most"]["output_tokens"] == 77


def test_what_would_be_bounded_is_bounded(limited):
    gateway = limited(budget={"usd": 0.002, "per": "day"})
    request = {"max_tokens": 5000, "lab": USAGE_OF_A_CALL}
    at_most = explained(gateway, **request)["order"][0]["at_most"]
    answer = served(gateway, **request)
    assert answer.status == 200 and at_most["admitted"] is True
    assert answer.header("x-sluice-max-tokens") == str(at_most["bounded_to"])


@pytest.mark.parametrize("key", [{"budget": {"usd": 0.0005, "per": "day", "when_short": "reject"}}, {"rate": {"tpm": 20}}],
                         ids=["money", "tokens"])
def test_who_would_be_refused_is_told_the_same(limited, key):
    gateway = limited(**key)
    found = explained(gateway, max_tokens=500)
    answer = served(gateway, max_tokens=500)
    assert answer.status == 429 and found["admission"]["admitted"] is False
    assert found["admission"]["error"]["code"] == answer.error["code"]
    assert found["admission"]["error"]["message"] == answer.error["message"]


def test_asking_reserves_nothing_and_is_not_counted(limited, lab):
    gateway = limited(budget={"usd": 1, "per": "day"}, rate={"rpm": 2, "concurrent": 1})
    asked = lab.stats()["requests"]
    for _ in range(20):
        assert explained(gateway)["admission"]["admitted"] is True
    for row in admin(gateway, "GET", "/admin/limits").json()["limits"]:
        assert row["settled"] == row["reserved"] == 0, row
    assert lab.stats()["requests"] == asked


def test_keys_of_the_store_have_their_limits_too(limited):
    gateway = limited()
    made = make_key(gateway, "made", budget={"usd": 2, "per": "month"})
    money = limit(explained(gateway, key="made"), "money")
    assert (money["name"], money["key"], money["most"]) == (made["id"], "made", 2_000_000_000)


def test_without_a_key_only_limits_of_model_and_user_apply(limited):
    gateway = limited(rate={"rpm": 1})
    found = admin(gateway, "POST", "/admin/explain", {"model": "fast"}).json()
    assert found["limits"] == [] and found["admission"]["admitted"] is True


def test_a_file_alone_explains_its_limits_as_if_nothing_were_used(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(json.dumps({
        "version": 1,
        "providers": {"one": {"type": "custom", "base_url": "http://127.0.0.1:1/v1", "api_key": "canary-one"}},
        "models": {"fast": "one/a"}, "prices": {"one/a": PRICES},
        "keys": [{"name": "ci", "value": "canary-two", "budget": {"usd": 5, "per": "day"}}],
        "limits": [{"user": "*", "rate": {"rpm": 20}}]}))
    body = tmp_path / "body.json"
    body.write_text(json.dumps(chat_body("fast", "hi", user="u1", max_tokens=10)))
    done = run("explain", "-c", path, "--key", "ci", "--body", body)
    assert done.returncode == 0, done.stderr
    assert "key ci" in done.stdout and "5 USD per day: 0 used, 0 reserved, 5 left" in done.stdout
    assert "user u1" in done.stdout and "20 requests per minute" in done.stdout
    assert "at most $" in done.stdout and "admitted: one request" in done.stdout

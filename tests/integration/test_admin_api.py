"""The admin API: every route against everybody who may not use it, made from its own document; and what it does."""

import json

import pytest
from administration import CALLER, LEAD_TOKEN, SETTINGS, TOKEN, admin, bearer, chat_status, make_key
from harness import Gateway, ask, chat_body, config, request_bytes, wait_until


@pytest.fixture(scope="module")
def run(folder, lab):
    with Gateway(folder, config(lab, **SETTINGS), name="administrated") as running:
        yield running


def operations(gateway):
    """(method, path with its braces filled, power) of every route, as the gateway itself says."""
    document = ask(gateway.admin, "GET", "/admin/openapi.json").json()
    for path, methods in document["paths"].items():
        filled = path.replace("{id}", "fixed").replace("{name}", "search")
        for method, operation in methods.items():
            yield method.upper(), filled, operation["x-sluice-power"]


def refused(answer, *statuses):
    assert answer.status in statuses, answer
    assert answer.json()["error"]["message"]


STRANGERS = {
    "no token": {},
    "a wrong token": bearer("wrong-token-0123456789"),
    "a prefix of the token": bearer(TOKEN[:-1]),
    "more than the token": bearer(TOKEN + "x"),
    "no scheme": {"Authorization": TOKEN},
    "another scheme": {"Authorization": f"Basic {TOKEN}"},
    "another header": {"X-Api-Key": TOKEN},
    "a caller's key": bearer(CALLER),
    "a query": {},
    "another host": {"Host": "admin"},
    "a forwarded address": {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    "a rewritten path": {"X-Original-URL": "/healthz", "X-Rewrite-URL": "/healthz"},
    "another method inside": {"X-HTTP-Method-Override": "GET"},
}


@pytest.mark.parametrize("who", STRANGERS)
def test_no_route_answers_a_stranger(run, who):
    for method, path, power in operations(run):
        if power == "none":
            continue
        target = path + (f"?access_token={TOKEN}&token={TOKEN}" if who == "a query" else "")
        refused(ask(run.admin, method, target, headers=STRANGERS[who]), 401)


def test_no_route_of_all_power_answers_a_lesser_token(run):
    seen = 0
    for method, path, power in operations(run):
        if power == "all":
            refused(admin(run, method, path, token=LEAD_TOKEN), 403)
            seen += 1
    assert seen > 5


@pytest.mark.parametrize("twist", ["//{}", "/.{}", "/%2e{}", "/x/..{}", "{}/", "{}//", "{}/.", "{}%2f", "{}%20", "{};a", "{}%00"])
def test_a_path_is_taken_literally(run, twist):
    for method, path, power in operations(run):
        answer = ask(run.admin, method, twist.format(path), headers=bearer(TOKEN))
        assert answer.status in (400, 404, 405), (method, path, answer)
    for method, path, power in operations(run):
        for target in (path.upper(), path.title(), path.replace("/admin/", "/Admin/"), path.replace("/admin", "//admin"),
                       path.replace("/admin/", "/admin//"), path.replace("/admin", "/%61dmin")):
            answer = ask(run.admin, method, target, headers=bearer(TOKEN))
            assert answer.status in (404, 405), (method, target, answer)


def test_no_other_method_does_anything(run):
    known = {}
    for method, path, _ in operations(run):
        known.setdefault(path, set()).add(method)
    for path, methods in known.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"} - methods:
            answer = admin(run, method, path)
            assert answer.status in (404, 405), (method, path, answer)


def test_nothing_of_it_is_on_the_data_port(run):
    for method, path, _ in operations(run):
        for token in (TOKEN, CALLER):
            answer = ask(run.data, method, path, headers=bearer(token))
            assert answer.status in (404, 405), (method, path, answer)


def test_unknown_members_and_parameters_are_refused(run):
    for method, path, power in operations(run):
        if power == "none":
            continue
        refused(admin(run, method, path + "?colour=red"), 400)
        if method in ("POST", "PATCH"):
            refused(admin(run, method, path, {"colour": "red"}), 400, 409)


def test_broken_bodies_are_refused(run):
    for body in ("{", "[]", "null", '"a"', '{"name":"a","name":"b"}', '{"name":1e999}', "{" * 100, '{"name":"' + "a" * 70000):
        answer = admin(run, "POST", "/admin/keys", body)
        assert answer.status == 400, (body[:40], answer)


def test_without_a_token_in_the_configuration_the_api_is_closed(start):
    closed = start()
    for method, path, power in operations(closed):
        if power == "none" or path == "/admin/explain":
            continue
        for headers in ({}, bearer("anything-at-all-0123")):
            refused(ask(closed.admin, method, path, headers=headers), 403)
    assert ask(closed.admin, "POST", "/admin/explain", body={"model": "fast"}).status == 200


def test_probes_and_metrics_need_no_token(run):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert ask(run.admin, "GET", path).status == 200


def test_explain_needs_the_token_once_there_is_one(run):
    refused(ask(run.admin, "POST", "/admin/explain", body={"model": "fast"}), 401)
    assert admin(run, "POST", "/admin/explain", {"model": "fast"}).json()["order"]


def test_a_team_token_sees_its_team_alone(run):
    make_key(run, "search-own", token=LEAD_TOKEN)
    make_key(run, "elsewhere")
    names = [key["name"] for key in admin(run, "GET", "/admin/keys", token=LEAD_TOKEN).json()["keys"]]
    assert names == ["search-own"]
    for name in ("elsewhere", "fixed"):
        for method, path, body in (("GET", "", None), ("PATCH", "", {"disabled": True}), ("DELETE", "", None),
                                   ("POST", "/rotate", {})):
            assert admin(run, method, f"/admin/keys/{name}{path}", body, token=LEAD_TOKEN).status == 404


RIGHTS = {
    "another model": {"models": ["smart"]},
    "every model": {"models": ["*"]},
    "another team": {"team": "ads"},
    "a tag": {"tags": {"env": "prod"}},
    "keys of its own": {"may_bring_keys": True},
}


@pytest.mark.parametrize("right", RIGHTS)
def test_a_key_never_holds_a_right_that_its_creator_lacks(run, right):
    made = admin(run, "POST", "/admin/keys", {"name": "search-rights", **RIGHTS[right]}, token=LEAD_TOKEN)
    assert made.status == 403, made
    key = make_key(run, f"search-{right.replace(' ', '-')}", token=LEAD_TOKEN)
    changed = admin(run, "PATCH", f"/admin/keys/{key['id']}", RIGHTS[right], token=LEAD_TOKEN)
    assert changed.status == 403, changed


def test_reload_says_what_is_wrong(start):
    gateway = start(**SETTINGS)
    before = admin(gateway, "POST", "/admin/reload").json()["hash"]
    good = gateway.config_path.read_text()
    gateway.write_config(good.replace('"drain"', '"drian"').replace('"server": {', '"server": {"max_bodi": "1MiB", '))
    answer = admin(gateway, "POST", "/admin/reload")
    assert answer.status == 409
    assert "max_bodi" in answer.json()["error"]["message"]
    settings = json.loads(good)
    settings["admin"]["token"] = TOKEN + "-new"
    gateway.write_config(settings)
    assert admin(gateway, "POST", "/admin/reload").status == 200
    assert admin(gateway, "GET", "/admin/keys").status == 401
    assert admin(gateway, "GET", "/admin/keys", token=TOKEN + "-new").status == 200
    assert before


def test_a_request_under_way_is_listed_and_cut(run, lab):
    with run.raw() as connection:
        connection.send(_slow_stream(run))
        found = wait_until(lambda: admin(run, "GET", "/admin/requests").json()["requests"], what="a request under way")
        assert found[0]["key"] == "fixed" and found[0]["stream"] is True
        assert admin(run, "DELETE", f"/admin/requests/{found[0]['id']}").json()["cut"] == 1
        wait_until(lambda: not admin(run, "GET", "/admin/requests").json()["requests"], what="it has ended")
    assert admin(run, "DELETE", "/admin/requests/nothing").status == 404


def _slow_stream(run):
    body = chat_body("fast", stream=True, lab={"tokens": 100000, "rate": 20})
    return request_bytes("POST", "/v1/chat/completions", bearer(CALLER), body)


def test_targets_limits_usage_and_the_ledger_are_there(run):
    assert chat_status(run, CALLER) == 200
    targets = admin(run, "GET", "/admin/targets").json()
    assert {"lab"} == {row["provider"] for row in targets["providers"]}
    assert all(row["breaker"] == "closed" for row in targets["targets"])
    limits = admin(run, "GET", "/admin/limits").json()["limits"]
    assert [(row["kind"], row["name"], row["of"], row["most"]) for row in limits] == [("team", "search", "concurrent", 50)]
    rows = wait_until(lambda: admin(run, "GET", "/admin/usage?by=key&since=1h").json()["rows"], what="a row of usage")
    assert rows[0]["name"] == "fixed" and rows[0]["calls"] >= 1
    assert admin(run, "GET", "/admin/ledger/verify").json() == {"faults": []}
    assert admin(run, "GET", "/admin/usage?since=yesterday").status == 400


def test_no_token_and_no_key_is_logged(run):
    text = run.out + run.err
    for secret in (TOKEN, LEAD_TOKEN, CALLER):
        assert secret not in text


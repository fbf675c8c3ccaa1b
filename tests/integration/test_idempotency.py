"""PROMISES.md R5: requests with an Idempotency-Key. However often a client sends one again, its provider sees it once, and bills it
once; whoever asks again gets the same answer, byte for byte."""

import contextlib
import sqlite3
import threading
import time
import uuid

import harness
import pytest
from harness import FORGIVING, SLOW, Closed, Connection, Gateway, chat_body, config, request_bytes, wait_until

KEYS = {"a": "sk-idem-a", "b": "sk-idem-b"}
SLOW_ANSWER = {"ttft": "600ms", "echo": False, "tokens": 20}
SLOW_STREAM = {"per_token": "20ms", "tokens": 50}


@pytest.fixture
def gateway(start, quiet_lab):
    return start(defaults=FORGIVING, server={"workers": 2}, keys=[{"name": name, "value": key} for name, key in KEYS.items()])


def fields(key, caller="a"):
    return {"Authorization": f"Bearer {KEYS[caller]}", "Idempotency-Key": key}


def ask(gateway, key=None, body=None, caller="a", **options):
    return gateway.ask("POST", "/v1/chat/completions", headers=fields(key, caller), body=body or chat_body(), **options)


def send(gateway, key, body, **connection):
    """The request on a connection of its own, which the caller closes."""
    return Connection(gateway.data, **connection).send(request_bytes("POST", "/v1/chat/completions", fields(key), body))


def is_replay(answer):
    return answer.header("x-sluice-idempotent-replay") == "true"


def at_once(count, job):
    results = [None] * count
    gate = threading.Barrier(count)

    def run(number):
        gate.wait()
        results[number] = job(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * SLOW)
    return results


def upstream(lab):
    return lab.stats()["requests"]


# --- one request ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_retry_gets_the_same_answer(gateway, quiet_lab, stream):
    body = chat_body(stream=stream)
    first, second = ask(gateway, "k1", body), ask(gateway, "k1", body)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body and first.content
    assert not is_replay(first) and is_replay(second)
    assert first.header("x-request-id") != second.header("x-request-id")
    same = [name for name, _ in first.headers if name not in ("date", "x-request-id") and not name.startswith("x-ratelimit-")]
    assert all(first.header(name) == second.header(name) for name in same)
    assert upstream(quiet_lab) == 1
    assert gateway.metric("sluice_idempotent_replays_total") == 1
    replay = gateway.logged(second.header("x-request-id"))
    assert replay["status"] == 200 and not replay.get("attempts") and "gen_ai.usage.output_tokens" not in replay
    assert gateway.logged(first.header("x-request-id"))["gen_ai.usage.output_tokens"] > 0


def test_without_the_header_the_same_request_twice_is_two(gateway, quiet_lab):
    for _ in range(2):
        assert not is_replay(gateway.ask("POST", "/v1/chat/completions", headers={"Authorization": f"Bearer {KEYS['a']}"},
                                         body=chat_body()))
    assert upstream(quiet_lab) == 2


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("leave", ["close", "reset"])
def test_a_retry_after_the_clients_own_timeout_finds_the_answer(gateway, quiet_lab, stream, leave):
    body = chat_body(stream=stream, lab=SLOW_ANSWER)
    client = send(gateway, "k", body)
    wait_until(lambda: upstream(quiet_lab) == 1, what="the lab has the request")
    getattr(client, leave)()
    retry = ask(gateway, "k", body)
    assert retry.status == 200 and is_replay(retry) and retry.content
    assert ask(gateway, "k", body).body == retry.body
    stats = quiet_lab.stats()
    assert (stats["requests"], stats["cancelled"]) == (1, 0)


def test_the_clients_timeout_does_not_end_the_call(gateway, quiet_lab):
    body = chat_body(lab=SLOW_ANSWER)
    impatient = {**fields("k"), "x-stainless-timeout": "0.2"}
    with Connection(gateway.data).send(request_bytes("POST", "/v1/chat/completions", impatient, body)):
        time.sleep(0.3)
    assert ask(gateway, "k", body).status == 200
    assert upstream(quiet_lab) == 1


def test_it_goes_on_when_everybody_has_left(gateway, quiet_lab):
    body = chat_body(stream=True, lab=SLOW_STREAM)
    for _ in range(3):
        with send(gateway, "k", body) as client:
            client.read_head()
            client.read_chunk()
    wait_until(lambda: quiet_lab.stats()["open_streams"] == 0, 5, what="the stream is over")
    answer = ask(gateway, "k", body)
    assert answer.finished and is_replay(answer)
    stats = quiet_lab.stats()
    assert (stats["requests"], stats["cancelled"]) == (1, 0)


def test_who_joins_a_stream_gets_it_from_its_beginning_and_as_it_comes(gateway, quiet_lab):
    body = chat_body(stream=True, lab=SLOW_STREAM)
    with send(gateway, "k", body) as first:
        first.read_head()
        led = first.read_chunk()
        time.sleep(0.2)
        with send(gateway, "k", body) as second:
            joined = second.read()
        while piece := first.read_chunk():
            led += piece
    assert joined.finished and is_replay(joined) and joined.body == led
    assert joined.pieces[-1][0] - joined.pieces[0][0] > 0.2, "it waited for the end"
    assert upstream(quiet_lab) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_fifty_at_once_are_one(gateway, quiet_lab, stream):
    body = chat_body(stream=stream, lab={"ttft": "200ms", **({"per_token": "5ms"} if stream else {})})
    answers = at_once(50, lambda _: ask(gateway, "k", body))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert sum(is_replay(answer) for answer in answers) == 49
    assert len({answer.header("x-request-id") for answer in answers}) == 50
    assert upstream(quiet_lab) == 1


# --- what a key stands for -------------------------------------------------------------------------------------------------


def test_another_body_is_refused(gateway, quiet_lab):
    assert ask(gateway, "k", chat_body(prompt="one")).status == 200
    refused = ask(gateway, "k", chat_body(prompt="two"))
    assert refused.status == 409 and refused.header("x-should-retry") == "false"
    assert refused.error == {"message": refused.error["message"], "type": "invalid_request_error",
                             "param": "Idempotency-Key", "code": "idempotency_key_reused"}
    assert upstream(quiet_lab) == 1


def test_the_keys_of_two_callers_never_meet(gateway, quiet_lab):
    answers = [ask(gateway, "k", caller=caller) for caller in ("a", "b", "a", "b")]
    assert [is_replay(answer) for answer in answers] == [False, False, True, True]
    assert upstream(quiet_lab) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "\xe4"])
def test_a_key_that_is_none_is_refused(gateway, quiet_lab, key):
    refused = ask(gateway, key)
    assert refused.status == 400 and refused.error["param"] == "Idempotency-Key"
    assert upstream(quiet_lab) == 0


def test_a_restart_forgets(tmp_path, lab, quiet_lab):
    settings = config(lab, defaults=FORGIVING, keys=[{"name": "a", "value": KEYS["a"]}])
    for number in (1, 2):
        with Gateway(tmp_path, settings, name=f"run{number}") as running:
            assert not is_replay(ask(running, "k"))
    assert upstream(quiet_lab) == 2


def test_it_is_kept_for_its_time(start, quiet_lab):
    gateway = start(server={"idempotency": {"keep": "1s"}}, defaults=FORGIVING)
    replays = []
    for pause in (0, 0, 1.7):
        time.sleep(pause)
        replays.append(is_replay(gateway.chat(headers={"Idempotency-Key": "k"})))
    assert replays == [False, True, False]


def test_it_can_be_switched_off_by_a_reload(start, quiet_lab, lab):
    gateway = start(defaults=FORGIVING)
    gateway.write_config(config(lab, defaults=FORGIVING, server={"idempotency": {"keep": "0s"}}))
    wait_until(lambda: "configuration reloaded" in gateway.out + gateway.err, 5, what="the reload")
    for _ in range(2):
        assert not is_replay(gateway.chat(headers={"Idempotency-Key": "k"}))
    assert upstream(quiet_lab) == 2


# --- what is kept ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scenario", ["429", "500", "503"])
def test_a_refusal_that_cost_nothing_is_asked_again(start, quiet_lab, scenario):
    once = {"retry": {"attempts": 0}, **{name: value for name, value in FORGIVING.items() if name != "retry"}}
    gateway = start(defaults=once)
    for _ in range(2):
        refused = gateway.chat(lab={"status": int(scenario)}, headers={"Idempotency-Key": "k"})
        assert refused.status >= 400 and not is_replay(refused)
    assert gateway.metric("sluice_idempotency_keys") == 0


def test_a_request_that_was_never_sent_is_asked_again(gateway, quiet_lab):
    for _ in range(2):
        refused = ask(gateway, "k", chat_body("no-such-model"))
        assert refused.status == 404 and not is_replay(refused)


def test_a_stream_that_was_cut_stays_cut(gateway, quiet_lab):
    body = chat_body(stream=True, lab={"cut_after_events": 4})
    first, second = ask(gateway, "k", body), ask(gateway, "k", body)
    assert first.events[-1]["error"]["code"] == "stream_interrupted"
    assert second.body == first.body and is_replay(second)
    assert upstream(quiet_lab) == 1


def test_an_answer_that_is_too_large_is_followed_but_not_kept(gateway, quiet_lab):
    body = chat_body(lab={"tokens": 600, "chunk_bytes": 16384})
    first = ask(gateway, "k", body)
    assert first.status == 200 and len(first.body) > 4 << 20
    again = ask(gateway, "k", body)
    assert again.status == 409 and again.error["code"] == "idempotent_answer_not_kept"
    assert upstream(quiet_lab) == 1


# --- what it costs its caller ----------------------------------------------------------------------------------------------


def test_a_replay_counts_as_a_request_and_costs_nothing(start, quiet_lab, tmp_path):
    key = {"name": "a", "value": KEYS["a"], "rate": {"rpm": 1000, "tpm": 1_000_000}, "budget": {"usd": 1, "per": "day"}}
    gateway = start(models={"fast": "lab/fast"}, defaults=FORGIVING, keys=[key], prices={"lab/fast": {"input": 1, "output": 10}},
                    storage={"database": f"sqlite://{tmp_path}/ledger.db"})
    answers = [ask(gateway, "k", chat_body(max_tokens=50)) for _ in range(5)]
    assert {answer.status for answer in answers} == {200} and len({answer.body for answer in answers}) == 1
    assert len({answer.header("x-sluice-cost-usd") for answer in answers}) == 1  # what the one call cost
    tokens = [int(answer.header("x-ratelimit-remaining-tokens")) for answer in answers]
    assert len(set(tokens[1:])) == 1 and tokens[1] < 1_000_000
    requests = [int(answer.header("x-ratelimit-remaining-requests")) for answer in answers]
    assert requests == [999, 998, 997, 996, 995]

    cost = float(answers[0].header("x-sluice-cost-usd"))
    wait_until(lambda: gateway.metric("sluice_key_requests_total", key="a") == 5, what="all are recorded")
    assert gateway.metric("sluice_key_cost_usd_total", key="a") == pytest.approx(cost, abs=1e-9) and cost > 0
    with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/ledger.db?mode=ro", uri=True)) as ledger:
        settled = wait_until(lambda: ledger.execute("SELECT cost FROM settlements").fetchall(), what="the ledger has it")
    assert settled == [(round(cost * 1e9),)]


def test_a_call_whose_client_has_left_holds_its_callers_place(start, quiet_lab):
    gateway = start(defaults=FORGIVING, keys=[{"name": "a", "value": KEYS["a"], "rate": {"concurrent": 1}}])
    with send(gateway, "k", chat_body(lab=SLOW_ANSWER)):
        wait_until(lambda: upstream(quiet_lab) == 1, what="the lab has the request")
    assert ask(gateway, "other").status == 429
    wait_until(lambda: ask(gateway, "other").status == 200, what="the place is free again")
    assert is_replay(ask(gateway, "k", chat_body(lab=SLOW_ANSWER)))


# --- readers -----------------------------------------------------------------------------------------------------------------


def test_a_reader_that_stops_does_not_hold_up_the_others(gateway, quiet_lab):
    body = chat_body(stream=True, lab={"tokens": 150, "chunk_bytes": 16384})
    with send(gateway, "k", body, receive_buffer=4096):
        wait_until(lambda: upstream(quiet_lab) == 1, what="the lab has the request")
        started = time.monotonic()
        answer = ask(gateway, "k", body)
        assert answer.finished and time.monotonic() - started < 3 * SLOW
    assert ask(gateway, "k", body).body == answer.body
    assert upstream(quiet_lab) == 1


@pytest.mark.release_only
def test_of_a_large_answer_no_more_is_held_than_its_slowest_reader_may_lag_behind(start, quiet_lab):
    gateway = start(defaults=FORGIVING, server={"limits": {"write_stall": "2s"}, "workers": 1})
    before = gateway.rss_kib()
    body = chat_body(stream=True, lab={"tokens": 4000, "chunk_bytes": 16384})  # 64 MiB
    client = Connection(gateway.data, receive_buffer=4096)
    client.send(request_bytes("POST", "/v1/chat/completions", {"Idempotency-Key": "k"}, body))
    time.sleep(1)
    assert quiet_lab.stats()["bytes_sent"] < 16 << 20, "the upstream was read though nobody takes its bytes"
    assert gateway.rss_kib() - before < 24 * 1024
    client.close()
    wait_until(lambda: quiet_lab.stats()["open_streams"] == 0, 20, what="it went on without its client")
    assert quiet_lab.stats()["cancelled"] == 0
    assert gateway.rss_kib() - before < 24 * 1024


# --- the gateway itself ------------------------------------------------------------------------------------------------------


def test_an_administrator_ends_a_call_whose_client_has_left(start, quiet_lab):
    token = "a-token-of-the-tests-0123456789abcdef"
    gateway = start(defaults=FORGIVING, keys=[{"name": "a", "value": KEYS["a"]}], admin={"token": token})
    body = chat_body(stream=True, lab={**SLOW_STREAM, "tokens": 2000})
    with send(gateway, "k", body) as client:
        request_id = client.read_head().header("x-request-id")
    power = {"Authorization": f"Bearer {token}"}
    with send(gateway, "k", body) as reader:
        reader.read_head()
        assert request_id in harness.ask(gateway.admin, "GET", "/admin/requests", power).text
        assert harness.ask(gateway.admin, "DELETE", f"/admin/requests/{request_id}", power).status in (200, 204)
        text = b""
        while piece := reader.read_chunk():
            text += piece
    assert b"permission_denied" in text and b"[DONE]" not in text
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 1, what="the lab saw the cancel")


def test_a_stop_ends_calls_whose_clients_have_left(start, quiet_lab):
    gateway = start(defaults=FORGIVING, server={"drain": {"delay": "0s", "timeout": "10s"}})
    body = chat_body("hang")
    with Connection(gateway.data) as client:
        client.send(request_bytes("POST", "/v1/chat/completions", {"Idempotency-Key": "k"}, body))
        wait_until(lambda: upstream(quiet_lab) == 1, what="the lab has the request")
    started = time.monotonic()
    gateway.signal(15)
    assert gateway.wait(10) == 0
    assert time.monotonic() - started < 4 * SLOW
    wait_until(lambda: quiet_lab.stats()["cancelled"] == 1, what="the lab saw the cancel")
    ended = [entry for entry in gateway.access_log() if entry.get("attempts")]
    assert len(ended) == 1 and ended[0]["attempts"][-1]["result"] == "cancelled"


def test_a_stop_tells_readers_on_all_workers(start, quiet_lab):
    gateway = start(defaults=FORGIVING, server={"drain": {"delay": "0s", "timeout": "300ms"}, "workers": 2})
    body = chat_body(stream=True, lab={"per_token": "30ms", "tokens": 2000})
    clients = []
    for _ in range(6):
        clients.append(Connection(gateway.data))
        clients[-1].send(request_bytes("POST", "/v1/chat/completions", {"Idempotency-Key": "k"}, body))
        clients[-1].read_head()
        clients[-1].read_chunk()
    gateway.signal(15)
    for client in clients:
        text = b""
        with contextlib.suppress(Closed):
            while piece := client.read_chunk():
                text += piece
        assert b"server_shutdown" in text and b"[DONE]" not in text
        client.close()
    assert gateway.wait(10) == 0
    assert upstream(quiet_lab) == 1


# --- the promise -------------------------------------------------------------------------------------------------------------


@pytest.mark.seconds(600)
def test_so_many_retried_requests_are_so_many_bills(gateway, quiet_lab, scale):
    """Clients that leave at any moment and ask again, up to three times, on other connections."""
    count, clients = scale(1_000, 10_000), 20
    wrong = []

    def work(number):
        for each in range(number, count, clients):
            key, stream = f"{uuid.uuid4()}", each % 2 == 0
            body = chat_body(prompt=f"p{each}", stream=stream,
                             lab={"ttft": "10ms", "tokens": 5, **({"per_token": "2ms"} if stream else {})})
            for attempt in range(each % 4):
                with send(gateway, key, body):
                    time.sleep((each * 7 + attempt * 13) % 40 / 1000)
            answers = [ask(gateway, key, body, timeout=30) for _ in range(2)]
            if answers[0].status != 200 or answers[0].body != answers[1].body or not is_replay(answers[1]):
                wrong.append((each, answers))

    at_once(clients, work)
    assert not wrong, wrong[:2]
    wait_until(lambda: quiet_lab.stats()["open_streams"] == 0, what="all streams are over")
    bills = quiet_lab.control("bill")["bills"]
    assert len(bills) == upstream(quiet_lab) == count
    assert gateway.metric("sluice_idempotency_keys") == count
    assert gateway.metric("sluice_in_flight_requests") == 0


def test_a_large_body_is_told_apart_by_its_last_byte(gateway, quiet_lab):
    """It is hashed piece by piece."""
    prompt = "x" * 3_500_000
    first, again = (ask(gateway, "large", chat_body(prompt=prompt, lab={"echo": False})) for _ in range(2))
    assert (first.status, again.status, is_replay(again)) == (200, 200, True)
    assert again.body == first.body
    other = ask(gateway, "large", chat_body(prompt=prompt[:-1] + "y", lab={"echo": False}))
    assert (other.status, other.error["code"]) == (409, "idempotency_key_reused")
    assert upstream(quiet_lab) == 1

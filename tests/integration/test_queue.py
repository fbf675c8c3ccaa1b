"""A full provider makes requests wait: team by team, not for ever, and nobody is forgotten."""

import threading
import time

import pytest
from harness import FORGIVING, SLOW, Gateway, chat_body, config, provider, request_bytes, wait_until

TEAMS = {name: f"sk-queue-{name}-000000000001" for name in ("flood", "quiet")}
HOLD = {"per_token": "20ms", "tokens": 10}  # about 0.2 s a request


@pytest.fixture
def gateway(tmp_path, lab):
    """start(size, max_wait, places): a gateway whose one provider is soon full."""
    running = []

    def start(size=100, max_wait="20s", places=2):
        settings = config(lab, models={"m": "lab/fast", "hang": "lab/hang"}, defaults=FORGIVING, server={"workers": 2},
                          providers={"lab": provider(lab, max_in_flight=places,
                                                     queue={"size": size, "max_wait": max_wait})},
                          keys=[{"name": name, "value": key, "team": name} for name, key in TEAMS.items()])
        running.append(Gateway(tmp_path, settings))
        return running[-1]

    yield start
    for each in running:
        each.stop()


def ask(gateway, team="flood", **members):
    return gateway.chat("m", lab=HOLD, headers={"Authorization": f"Bearer {TEAMS[team]}"}, timeout=60, **members)


def at_once(count, work):
    """What `count` calls of work(i) side by side returned, with the moment when each ended."""
    results = [None] * count

    def run(i):
        answer = work(i)
        results[i] = (answer, time.monotonic())

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    return threads, results


def ended(threads, results):
    for thread in threads:
        thread.join(60 * SLOW)
    assert all(results), "somebody has no answer"
    return results


def waiting(gateway):
    return gateway.metric("sluice_queue_waiting", provider="lab")


def fill(gateway, count):
    """`count` clients whose requests hang; each keeps a place."""
    clients = []
    for _ in range(count):
        clients.append(gateway.raw(60))
        clients[-1].send(request_bytes("POST", "/v1/chat/completions", {"Authorization": f"Bearer {TEAMS['flood']}"},
                                       chat_body("hang")))
    wait_until(lambda: gateway.metric("sluice_in_flight_requests") == count, what="all places are taken")
    return clients


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_burst_is_served_whole_and_never_more_at_a_time_than_allowed(gateway, quiet_lab, stream):
    running = gateway()
    answers = ended(*at_once(24, lambda _: ask(running, stream=stream)))
    assert [answer.status for answer, _ in answers] == [200] * 24
    assert not stream or quiet_lab.stats()["most_open_streams"] <= 2
    assert waiting(running) == 0
    assert running.metric("sluice_queue_waits_total", outcome="served") >= 20


def test_a_team_that_floods_does_not_keep_another_from_its_turn(gateway, quiet_lab):
    running = gateway()
    flood = at_once(30, lambda _: ask(running))
    wait_until(lambda: waiting(running) >= 25, what="the flood waits")
    quiet = ended(*at_once(3, lambda _: ask(running, "quiet")))
    flood = ended(*flood)
    last_quiet = max(moment for _, moment in quiet)
    assert all(answer.status == 200 for answer, _ in flood + quiet)
    before = sum(moment < last_quiet for _, moment in flood)
    assert before < 20, f"{before} of the flood's 30 were served before the quiet team's three"
    assert waiting(running) == 0


def test_who_waits_too_long_is_told_when_to_come_again(gateway, quiet_lab):
    running = gateway(max_wait="400ms", places=1)
    clients = fill(running, 1)
    started = time.monotonic()
    answer = ask(running)
    waited = time.monotonic() - started
    assert answer.status == 503 and answer.error["code"] == "overloaded"
    assert int(answer.header("retry-after")) >= 1
    assert 0.35 < waited < 1.5 * SLOW
    entry = running.logged(answer.header("x-request-id"))
    assert entry["overhead_ms"] < 100 * SLOW
    assert waiting(running) == 0
    assert running.metric("sluice_queue_waits_total", outcome="expired") == 1
    for client in clients:
        client.close()


def test_a_full_queue_refuses_at_once(gateway, quiet_lab):
    running = gateway(size=1, places=1)
    clients = fill(running, 1)
    queued = at_once(1, lambda _: ask(running))
    wait_until(lambda: waiting(running) == 1, what="one waits")
    started = time.monotonic()
    answer = ask(running, "quiet")
    assert answer.status == 503 and answer.header("retry-after")
    assert time.monotonic() - started < 1 * SLOW
    clients[0].close()
    assert ended(*queued)[0][0].status == 200


def test_a_client_that_leaves_while_it_waits_frees_its_place_in_the_queue(gateway, quiet_lab):
    running = gateway(places=1)
    clients = fill(running, 1)
    leaver = running.raw(60)
    leaver.send(request_bytes("POST", "/v1/chat/completions", {"Authorization": f"Bearer {TEAMS['flood']}"}, chat_body("m")))
    wait_until(lambda: waiting(running) == 1, what="it waits")
    leaver.close()
    wait_until(lambda: waiting(running) == 0, what="it does not wait any more")
    assert running.metric("sluice_queue_waits_total", outcome="left") == 1
    clients[0].close()
    assert ask(running).status == 200
    assert waiting(running) == 0


def test_many_that_leave_lose_no_place(gateway, quiet_lab):
    running = gateway(places=2)
    for _ in range(5):
        leavers = []
        for i in range(10):
            leavers.append(running.raw(60))
            leavers[-1].send(request_bytes("POST", "/v1/chat/completions", {"Authorization": f"Bearer {TEAMS['flood']}"},
                                           chat_body("m", lab=HOLD, stream=i % 2 == 0)))
        time.sleep(0.1)
        for leaver in leavers[::2]:
            leaver.reset()
        for leaver in leavers[1::2]:
            assert leaver.read("POST").status == 200
            leaver.close()
    wait_until(lambda: waiting(running) == 0, what="nobody waits")
    answers = ended(*at_once(2, lambda _: ask(running)))  # both places are still there
    assert all(answer.status == 200 for answer, _ in answers)


def test_a_waiting_stream_hears_comments(tmp_path, lab, quiet_lab):
    settings = config(lab, models={"m": "lab/fast", "hang": "lab/hang"}, defaults=FORGIVING,
                      server={"stream": {"header_grace": "200ms", "keep_alive": "200ms"}},
                      providers={"lab": provider(lab, max_in_flight=1, queue=10)})
    with Gateway(tmp_path, settings) as running:
        holder = running.raw(60)
        holder.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("hang")))
        wait_until(lambda: running.metric("sluice_in_flight_requests") == 1, what="the place is taken")
        client = running.raw(30)
        client.send(request_bytes("POST", "/v1/chat/completions", body=chat_body("m", stream=True)))
        assert client.read_head().status == 200
        assert client.read_chunk().startswith(b": keep-alive")
        assert client.read_chunk().startswith(b": keep-alive")
        holder.close()
        text = b""
        while piece := client.read_chunk():
            text += piece
        assert b"[DONE]" in text
        client.close()


def test_a_stop_ends_those_who_wait(gateway, quiet_lab):
    running = gateway(places=1)
    clients = fill(running, 1)
    queued = at_once(4, lambda _: ask(running))
    wait_until(lambda: waiting(running) == 4, what="four wait")
    running.signal(15)
    running.signal(15) if running.alive() else None
    time.sleep(0.2)
    running.signal(15) if running.alive() else None
    assert running.wait(10) in (0, 1)
    for thread in queued[0]:
        thread.join(10 * SLOW)
    for client in clients:
        client.close()

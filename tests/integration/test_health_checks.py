"""Our own probes: a provider that is dead gets no requests before a client finds out, and gets them again."""

import signal
import threading
import time

import pytest
from harness import FORGIVING, Gateway, Lab, config, free_port, provider, wait_until

EVERY = "100ms"


def health(**more):
    return {"path": "/lab/stats", "every": EVERY, "timeout": "500ms", "unhealthy_after": 2, "healthy_after": 2, **more}


def healthy(gateway, name="second"):
    return gateway.metric("sluice_provider_healthy", provider=name)


def settings(lab, second, **more):
    return config(lab, providers={"second": provider(second, health=health(**more)), "lab": provider(lab)},
                  models={"m": {"targets": ["second/fast", "lab/fast"]}, "only": "second/fast"}, defaults=FORGIVING,
                  server={"workers": 2})


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def second(tmp_path, port):
    with Lab(tmp_path, name="second", port=port) as running:
        yield running


@pytest.fixture
def gateway(tmp_path, lab, second):
    with Gateway(tmp_path, settings(lab, second)) as running:
        wait_until(lambda: healthy(running) == 1, what="the first probe")
        yield running


def served_by(gateway):
    answer = gateway.chat("m")
    assert answer.status == 200, answer
    return answer.header("x-sluice-provider")


def lines(gateway, text):
    return [line for line in gateway.err.splitlines() if text in line]


def test_an_upstream_that_died_costs_no_client_anything_once_it_is_marked(gateway, second, tmp_path, port):
    assert served_by(gateway) == "second"
    second.stop()
    wait_until(lambda: healthy(gateway) == 0, what="it is marked")
    before = gateway.metric("sluice_upstream_attempts_total", provider="second")
    for _ in range(20):
        assert served_by(gateway) == "lab"
    assert gateway.metric("sluice_upstream_attempts_total", provider="second") == before
    answer = gateway.chat("only")
    assert answer.status == 503 and answer.header("retry-after"), answer
    assert len(lines(gateway, "SL4002")) == 1
    with Lab(tmp_path, name="again", port=port):
        wait_until(lambda: healthy(gateway) == 1, what="it is back")
        assert served_by(gateway) == "second"
        assert len(lines(gateway, "a provider is back")) == 1


def test_under_load_no_request_fails_while_an_upstream_dies_and_comes_back(gateway, second, tmp_path, port):
    failures, going = [], True

    def load():
        while going:
            answer = gateway.chat("m")
            if answer.status != 200:
                failures.append(answer)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    second.child.send_signal(signal.SIGKILL)
    second.child.wait()
    wait_until(lambda: healthy(gateway) == 0, what="it is marked")
    with Lab(tmp_path, name="again", port=port):
        wait_until(lambda: healthy(gateway) == 1, what="it is back")
        going = False
        for thread in threads:
            thread.join(20)
    assert not failures, failures[0]


def test_an_upstream_that_hangs_is_marked(gateway, second):
    second.signal(signal.SIGSTOP)
    try:
        wait_until(lambda: healthy(gateway) == 0, 10, what="it is marked")
        assert served_by(gateway) == "lab"
    finally:
        second.signal(signal.SIGCONT)
    wait_until(lambda: healthy(gateway) == 1, what="it is back")


def test_probes_are_no_requests_of_clients(gateway):
    time.sleep(0.5)
    assert gateway.metric("sluice_requests_total") == 0
    assert gateway.metric("sluice_upstream_attempts_total") == 0
    assert gateway.metric("sluice_in_flight_requests") == 0
    assert gateway.access_log() == []


def test_a_wrong_path_counts_as_alive_and_is_said_once(tmp_path, lab, second):
    with Gateway(tmp_path, settings(lab, second, path="/no/such/page")) as running:
        wait_until(lambda: lines(running, "SL4001"), what="the warning")
        time.sleep(0.5)
        assert healthy(running) == 1
        assert len(lines(running, "SL4001")) == 1
        assert served_by(running) == "second"


def test_a_reload_keeps_what_is_known_and_ends_what_is_not_wanted(gateway, lab, second):
    second.stop()
    wait_until(lambda: healthy(gateway) == 0, what="it is marked")
    gateway.write_config(settings(lab, second, unhealthy_after=3))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: lines(gateway, "configuration reloaded"), 8, what="the reload")
    assert served_by(gateway) == "lab"
    assert len(lines(gateway, "SL4002")) == 1
    without = settings(lab, second)
    del without["providers"]["second"]["health"]
    gateway.write_config(without)
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: ("sluice_provider_healthy", (("provider", "second"),)) not in gateway.metrics(), 8,
               what="nobody probes")
    wait_until(lambda: served_by(gateway) == "lab" and gateway.metric("sluice_upstream_attempts_total", provider="second") > 0,
               what="requests go to the other first, and then to the lab")


def test_a_stop_ends_the_probes(tmp_path, lab, second):
    with Gateway(tmp_path, settings(lab, second)) as running:
        wait_until(lambda: healthy(running) == 1, what="the first probe")
        second.signal(signal.SIGSTOP)
        try:
            running.signal(signal.SIGQUIT)
            assert running.wait(5) == 0
        finally:
            second.signal(signal.SIGCONT)

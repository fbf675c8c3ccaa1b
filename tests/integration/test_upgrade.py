"""SIGUSR2 replaces the program under the same port: what is open goes on, and nothing is refused."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time

import pytest
from harness import (
    BINARY,
    CALLER_KEY,
    FORGIVING,
    ask,
    chat_body,
    clean_environment,
    config,
    die_with_parent,
    request_bytes,
    wait_until,
)
from test_money import BEARER, PRICES, bill, command, nano, used
from upgrading import UpgradedGateway

MODELS = b"GET /v1/models HTTP/1.1\r\nHost: a\r\n\r\n"
CHAT = request_bytes("POST", "/v1/chat/completions", body=chat_body())


@pytest.fixture
def upgraded(tmp_path, lab):
    running = []

    def start(name="upgraded", env=None, preexec=None, **settings):
        running.append(UpgradedGateway(tmp_path, config(lab, **settings), name=name, env=env, preexec=preexec))
        return running[-1]

    yield start
    for gateway in running:
        gateway.stop()


def ended(gateway, pid, seconds=5):
    wait_until(lambda: pid not in gateway.running(), seconds, what=f"process {pid} ends")


def test_another_process_serves_on_the_same_ports_and_the_old_one_ends(upgraded):
    gateway = upgraded()
    data, admin, old = gateway.data, gateway.admin, gateway.pid
    gateway.upgrade()
    assert (gateway.data, gateway.admin) == (data, admin) and gateway.pid != old
    ended(gateway, old)
    assert gateway.child.returncode == 0
    assert gateway.chat().status == 200 and gateway.ready()


def test_it_can_be_done_again_and_again(upgraded):
    gateway = upgraded()
    for _ in range(4):
        gateway.upgrade()
        assert gateway.chat().status == 200
    wait_until(lambda: gateway.running() == [gateway.pid], 5, what="only the last process is left")


def test_an_idle_connection_is_served_once_more_and_told_to_close(upgraded):
    gateway = upgraded()
    with gateway.raw() as idle:
        assert not idle.send(CHAT).read().closed
        old = gateway.pid
        gateway.upgrade()
        time.sleep(1.5)  # a stop would have closed it by now
        answer = idle.send(CHAT).read()
        assert answer.status == 200 and answer.closed
    ended(gateway, old)


def test_a_connection_that_has_sent_nothing_yet_is_served(upgraded):
    gateway = upgraded()
    with gateway.raw() as silent, gateway.raw() as half:
        half.send(CHAT[:30])
        wait_until(lambda: gateway.metric("sluice_connections", side="client") == 2, 3, what="both are accepted")
        gateway.upgrade()
        time.sleep(1.2)
        assert silent.send(CHAT).read().status == 200
        assert half.send(CHAT[30:]).read().status == 200


def test_a_running_stream_is_finished_by_the_old_process(upgraded):
    gateway = upgraded()
    with gateway.raw(timeout=20) as connection:
        body = chat_body(stream=True, lab={"per_token": "50ms", "tokens": 40})
        connection.send(request_bytes("POST", "/v1/chat/completions", body=body))
        head = connection.read_head()
        old = gateway.pid
        gateway.upgrade()
        assert old in gateway.running()
        body = b""
        while piece := connection.read_chunk():
            body += piece
        assert body.rstrip().endswith(b"[DONE]")
        # Its head has promised to keep the connection open, and so it does.
        if not head.header("connection"):
            assert connection.send(CHAT).read().closed
    ended(gateway, old)


@pytest.mark.parametrize("before, after", [(1, 3), (3, 1), (2, 2)])
def test_the_number_of_workers_may_differ(upgraded, lab, before, after):
    gateway = upgraded(server={"workers": before})
    gateway.write_config(config(lab, server={"workers": after}))
    gateway.upgrade()
    ended(gateway, gateway.pids[0])
    assert [gateway.chat().status for _ in range(20)] == [200] * 20


def test_a_changed_address_is_opened_and_the_old_one_given_up(upgraded, lab):
    gateway = upgraded()
    before = gateway.data
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        after = probe.getsockname()[1]
    gateway.write_config(config(lab, server={"listen": f"127.0.0.1:{after}"}))
    gateway.upgrade()
    assert gateway.data == after and gateway.chat().status == 200
    ended(gateway, gateway.pids[0])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", before), 1)


@pytest.mark.parametrize("text, reason", [
    ("version: 1\nmodels:\n  a: nowhere/x\n", "3"),
    ('{"version": 1, "server": {"listen": "192.0.2.1:1"}, "keys": [{"name": "a", "value": "aaaaaaaaaaaaaaaaaaaaaaaa"}], "providers": {"x": {"type": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k-aaaaaaaaaaaa"}}, "models": {"a": "x/a"}}', "192.0.2.1"),
])
def test_if_the_new_process_does_not_start_the_old_one_goes_on_and_says_why(upgraded, text, reason):
    gateway = upgraded()
    gateway.write_config(text)
    gateway.signal(signal.SIGUSR2)
    wait_until(lambda: "SL1003" in gateway.err, 10, what="the reason is logged")
    line = next(line for line in gateway.err.splitlines() if "SL1003" in line)
    assert reason in line, line
    assert gateway.announced()["pid"] == gateway.pid
    assert gateway.chat().status == 200 and gateway.ready()


def test_a_stop_after_an_upgrade_does_not_wait_for_idle_connections(upgraded):
    gateway = upgraded(server={"drain": {"delay": "0s", "timeout": "10s"}})
    old = gateway.pid
    with gateway.raw() as idle:
        idle.send(CHAT).read()
        gateway.upgrade()
        time.sleep(0.3)
        assert old in gateway.running()
        os.kill(old, signal.SIGTERM)
        ended(gateway, old, 4)
        assert gateway.chat().status == 200


def test_a_second_request_to_upgrade_while_one_is_under_way_changes_nothing(upgraded):
    gateway = upgraded()
    for _ in range(5):
        gateway.signal(signal.SIGUSR2)
    wait_until(lambda: gateway.announced()["pid"] != gateway.pid, 10, what="the upgrade")
    gateway.pids.append(gateway.announced()["pid"])
    gateway.pid = gateway.pids[-1]
    ended(gateway, gateway.pids[0])
    assert gateway.err.count('"upgrading"') == 1 and gateway.chat().status == 200


def test_the_service_manager_learns_who_serves(upgraded, tmp_path):
    address = str(tmp_path / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        notify.settimeout(10)
        gateway = upgraded(env={"NOTIFY_SOCKET": address})
        assert b"READY=1" in notify.recv(4096)
        gateway.upgrade()
        said = {notify.recv(4096) for _ in range(2)}
        assert said == {b"READY=1", b"MAINPID=%d" % gateway.pid}
        ended(gateway, gateway.pids[0])
        notify.setblocking(False)
        with pytest.raises(BlockingIOError):
            notify.recv(4096)  # in particular no STOPPING=1 from the old process


# --- money: both processes on one budget ---------------------------------------------------------------------------------

SPENDING = request_bytes("POST", "/v1/chat/completions", headers=BEARER,
                         body=chat_body("fast", stream=True, max_tokens=100, lab={"tokens": 60, "echo": False, "per_token": "50ms"}))


def paying(lab, database, nano_usd):
    budget = {"usd": nano_usd / 1e9, "per": "day", "when_short": "reject"}
    return {"models": {"fast": "lab/fast"}, "defaults": FORGIVING, "prices": {"lab/fast": PRICES},
            "keys": [{"name": "ci", "value": CALLER_KEY, "budget": budget}], "storage": {"database": f"sqlite://{database}"}}


def committed(database):
    """What is settled and reserved, at one instant, by all processes."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as ledger:
        return ledger.execute("SELECT (SELECT coalesce(sum(cost), 0) FROM settlements) + (SELECT coalesce(sum(reserved), 0) "
                              "FROM calls JOIN open_calls USING(epoch, number))").fetchone()[0]


@pytest.fixture
def worst_case(upgraded, lab, tmp_path):
    """What SPENDING reserves."""
    gateway = upgraded("alone", **paying(lab, tmp_path / "alone.db", 1_000_000_000))
    with gateway.raw() as connection:
        connection.send(SPENDING).read_head()
        reserved = wait_until(lambda: committed(tmp_path / "alone.db"))
    gateway.stop()
    lab.reset()
    return reserved


def begin(gateway, stack):
    """A stream that goes on; its status."""
    connection = stack.enter_context(gateway.raw(timeout=20))
    return connection, connection.send(SPENDING).read_head().status


def test_an_old_and_a_new_process_never_spend_more_than_one_budget(upgraded, lab, tmp_path, worst_case):
    database, budget = tmp_path / "ledger.db", 4 * worst_case + worst_case // 2
    gateway = upgraded(**paying(lab, database, budget))
    old = gateway.pid
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(gateway.raw()) for _ in range(2)]
        for connection in idle:
            connection.send(request_bytes("GET", "/v1/models", headers=BEARER)).read()
        streams = [begin(gateway, stack) for _ in range(2)]
        gateway.upgrade()
        streams.append(begin(gateway, stack))  # the new process has seen what the old one holds
        time.sleep(0.3)
        streams.append((idle[0], idle[0].send(SPENDING).read_head().status))  # by the old one, on what was open
        time.sleep(0.3)
        assert [status for _, status in streams] == [200] * 4
        wait_until(lambda: committed(database) == 4 * worst_case)
        refused = idle[1].send(SPENDING).read()  # the old process knows of the new one's stream
        assert (refused.status, refused.error["code"]) == (429, "budget_in_use")
        for _ in range(10):
            refused = gateway.ask("POST", "/v1/chat/completions", headers=BEARER, body=chat_body("fast", max_tokens=100))
            assert (refused.status, refused.error["code"]) == (429, "budget_in_use")
        assert committed(database) <= budget
        for connection, _ in streams:
            while connection.read_chunk():
                assert committed(database) <= budget
        # What the old process has given back can be used, while it is still there or gone.
        wait_until(lambda: used(gateway)["ci"]["open"] == 0)
        time.sleep(0.2)
        while (answer := gateway.chat("fast", headers=BEARER, max_tokens=100)).status == 200:
            assert committed(database) <= budget
    assert answer.error["code"] == "insufficient_quota"
    ended(gateway, old)
    wait_until(lambda: used(gateway)["ci"]["open"] == 0)
    assert budget - worst_case < nano(used(gateway)["ci"]) == bill(lab) <= budget
    assert "ok" in command(gateway, "ledger", "verify").lower()


@pytest.mark.parametrize("names", ["data:admin", ""])
def test_sockets_of_systemd_are_used(lab, tmp_path, names):
    """Socket activation, sd_listen_fds(3): one socket for all workers. Without names the addresses tell which is which."""
    with contextlib.ExitStack() as stack:
        data, admin = (stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2))
        ports = [each.getsockname()[1] for each in (data, admin)]
        waiting = stack.enter_context(socket.create_connection(("127.0.0.1", ports[0])))
        waiting.sendall(MODELS)  # stands in the queue before there is a gateway
        file, ready = tmp_path / "activated.yaml", tmp_path / "activated.ports"
        file.write_text(json.dumps(config(lab, server={"listen": f"127.0.0.1:{ports[0]}", "workers": 2,
                                                       "admin_listen": f"127.0.0.1:{ports[1]}"})))
        script = f'exec 3<&{data.fileno()} 4<&{admin.fileno()}; LISTEN_PID=$$ exec "$@"'
        child = subprocess.Popen(["bash", "-c", script, "bash", BINARY, "run", "-q", "-c", file, "--port-file", ready],
                                 env=clean_environment(LISTEN_FDS="2", LISTEN_FDNAMES=names), preexec_fn=die_with_parent,
                                 pass_fds=(data.fileno(), admin.fileno()), stdout=subprocess.DEVNULL)
        stack.callback(lambda: (child.kill(), child.wait()))
        wait_until(ready.exists, 10, what="the gateway is ready")
        assert json.loads(ready.read_text()) == {"data": ports[0], "admin": ports[1], "pid": child.pid}
        waiting.settimeout(5)
        assert waiting.recv(12) == b"HTTP/1.1 200"
        for _ in range(20):
            assert ask(ports[0], "GET", "/v1/models").status == 200
        assert ask(ports[1], "GET", "/readyz").status == 200

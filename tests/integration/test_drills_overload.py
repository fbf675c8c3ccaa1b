"""Drills of PROMISES R11, R12, R13, R29 and R30: more than there is room for is refused, quickly, and health goes on."""

import contextlib
import json
import os
import re
import resource
import subprocess
import threading
import time
from pathlib import Path

import pytest
from figures import percentile, record
from harness import FORGIVING, SLOW, Closed, Connection, chat_body, provider, request_bytes, wait_until
from load import Load
from slow_clients import SlowClients
from watch_health import HealthWatch

CHAT = request_bytes("POST", "/v1/chat/completions", body=chat_body())
SILENT, NO_LOG = (b"", b""), {"access_log": "none"}


def milliseconds(value):
    return None if value is None else round(value * 1e3, 2)


@pytest.mark.release_only
@pytest.mark.seconds(400)
def test_three_times_the_capacity_is_served_at_its_best_and_the_rest_refused_at_once(start, lab, scale):
    """R11: the upstream takes 100 ms, the pool 64 at a time: 640 a second. Open loop at half, at one, at three times that."""
    pool = {"pool": {"max_open": 64, "max_idle": 64, "max_waiting": 32}}
    gateway = start(defaults=FORGIVING, providers={"lab": provider(lab, **pool)}, models={"fast": "lab/fast"}, telemetry=NO_LOG)
    seconds = scale(3, 30)

    def at(rate):
        with Load("json", gateway.data, "-c", 2000, "--rate", rate, "--body-bytes", 300, "--lab", '{"ttft":"100ms"}',
                  seconds=seconds) as load:
            return load.result()

    unloaded, peak = at(320), at(640)
    with HealthWatch(gateway.admin) as health:
        over = at(1920)
        answers, unhealthy = health.finish()
    good = {name: run["statuses"].get("200", 0) / run["seconds"] for name, run in (("peak", peak), ("over", over))}
    refused = over["latency_by_status_us"].get("503", {"p99": 0, "count": 0})
    figures = record(
        "R11", seconds=seconds, goodput_peak=round(good["peak"], 1), goodput_at_3x=round(good["over"], 1), errors=over["error_kinds"],
        statuses=over["statuses"], unloaded_p99_ms=round(unloaded["latency_by_status_us"]["200"]["p99"] / 1e3, 1),
        admitted_p99_ms=round(over["latency_by_status_us"]["200"]["p99"] / 1e3, 1),
        refused_p99_ms=round(refused["p99"] / 1e3, 2), refused_p50_ms=round(refused.get("p50", 0) / 1e3, 2),
        refused_with_retry_after=over["told_when"], health_p99_ms=milliseconds(percentile(answers, 0.99)), unhealthy=unhealthy)
    assert unhealthy == 0 and over["errors"] == 0 and set(over["statuses"]) == {"200", "503"}, figures
    assert good["over"] >= 0.9 * good["peak"], figures
    assert figures["admitted_p99_ms"] <= 3 * figures["unloaded_p99_ms"] * scale(2, 1), figures
    assert over["told_when"] == refused["count"] > 0, figures
    assert figures["refused_p50_ms"] < 5, figures


def buffers(port):
    """(most bytes that one of our sockets at `port` may hold, bytes that all hold now), from the kernel."""
    text = subprocess.run(["ss", "-tmnH", "state", "established", f"( sport = :{port} )"], capture_output=True, text=True).stdout
    sockets = [dict(re.findall(r"\b(rb|tb|r|w)(\d+)", each)) for each in re.findall(r"skmem:\((.*?)\)", text)]
    most = max((int(each["rb"]) + int(each["tb"]) for each in sockets), default=0)
    return most, sum(int(each["r"]) + int(each["w"]) for each in sockets), len(sockets)


@pytest.mark.release_only
@pytest.mark.seconds(400)
def test_stalled_readers_cost_little_and_hold_up_nobody(start, lab, scale):
    """R12: readers of large streams that stop reading, and callers beside them."""
    gateway = start(defaults=FORGIVING, providers={"lab": provider(lab, pool={"max_open": 2048})}, models={"fast": "lab/fast"})
    count, lab_options = scale(100, 1000), '{"ttft":"5ms"}'

    def beside():
        runs = []
        for _ in range(scale(3, 5)):
            with Load("json", gateway.data, "-c", 4, "--body-bytes", 300, "--lab", lab_options, seconds=scale(1, 4)) as load:
                runs.append(load.result()["latency_us"]["p99"] / 1e3)
        return sorted(runs)[len(runs) // 2]

    alone, before = beside(), gateway.rss_kib()
    body = chat_body(stream=True, lab={"tokens": 200, "chunk_bytes": 16384, "precomputed": True})
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            reader = stack.enter_context(Connection(gateway.data, receive_buffer=4096))
            reader.send(request_bytes("POST", "/v1/chat/completions", body=body))
        wait_until(lambda: gateway.metric("sluice_open_streams") == count, 30, step=0.2, what="the streams are open")
        time.sleep(2)
        used, (largest, held, sockets) = gateway.rss_kib() - before, buffers(gateway.data)
        with_them = beside()
    figures = record("R12", readers=count, rss_before_kib=before, rss_per_reader_kib=round(used / count, 1), buffer_bound_kib=largest // 1024,
                     buffers_held_kib_each=held // 1024 // max(1, sockets), p99_alone_ms=round(alone, 2), p99_beside_ms=round(with_them, 2))
    assert used + before < 64 * 1024 + 96 * count, figures
    assert largest <= 768 * 1024, figures
    assert with_them <= alone * scale(3, 1.2) + scale(20, 0), figures
    wait_until(lambda: gateway.metric("sluice_open_streams") == 0, 20, step=0.2, what="all streams are cancelled")


@pytest.mark.seconds(300)
def test_slow_and_silent_clients_are_all_closed_in_time(start, scale):
    """R13: a third says nothing, a third sends its header slowly, a third its body."""
    limit = 2
    gateway = start(server={"limits": {"header_timeout": f"{limit}s", "body_idle": f"{limit}s"}}, telemetry=NO_LOG)
    base, count = gateway.descriptors(), scale(300, 5000)
    head = request_bytes("POST", "/v1/chat/completions", headers={"Content-Length": "9999"}, body=b"")
    kinds = [SILENT, (CHAT[:5], CHAT[5:60]), (head, b"x" * 1000)]
    with HealthWatch(gateway.admin) as health, SlowClients(gateway.data, [kinds[i % 3] for i in range(count)], every=0.2) as clients:
        opened, most = time.monotonic(), limit * 3 + 10 * SLOW
        while clients.open and time.monotonic() < opened + most:
            clients.turn(0.05)
        left = len(clients.open)
        lives = [clients.lives(range(kind, count, 3)) for kind in range(3)]
        refusals = [sum(clients.answers[n].startswith(b"HTTP/1.1 408") for n in range(kind, count, 3)) for kind in range(3)]
        answers, unhealthy = health.finish()
    wait_until(lambda: gateway.descriptors() <= base + 2, 5, what="the descriptors are back")
    figures = record("R13", clients=count, limit_s=limit, left_open=left, longest_silent_s=round(max(lives[0], default=0), 2),
                     longest_header_s=round(max(lives[1], default=0), 2), longest_body_s=round(max(lives[2], default=0), 2),
                     told_408=refusals, health_p50_ms=milliseconds(percentile(answers, 0.5)),
                     health_p99_ms=milliseconds(percentile(answers, 0.99)), unhealthy=unhealthy)
    assert left == 0 and unhealthy == 0, figures
    assert max(figures["longest_silent_s"], figures["longest_header_s"]) <= limit + 1 * SLOW, figures
    assert figures["longest_body_s"] <= 2 * limit + 1 * SLOW, figures  # the rate is looked at after body_idle, at the next byte
    assert refusals[1] >= 0.95 * (count // 3) and refusals[2] >= 0.95 * (count // 3), figures
    assert figures["health_p50_ms"] <= 10 * SLOW, figures


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.seconds(120)
def test_few_descriptors_and_many_clients_are_no_trouble(start, lab, scale):
    """R29: 256 descriptors, 1,000 clients that all want something that does not come."""
    gateway = start(defaults=FORGIVING, preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)))
    hang = request_bytes("POST", "/v1/chat/completions", body=chat_body("hang"))
    with HealthWatch(gateway.admin) as health, SlowClients(gateway.data, [(hang, b"")] * 1000) as clients:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            clients.turn(0.05)
        began, cpu = time.monotonic(), cpu_seconds(gateway.child.pid)
        while time.monotonic() < began + scale(2, 10):
            clients.turn(0.05)
        busy = (cpu_seconds(gateway.child.pid) - cpu) / (time.monotonic() - began)
        refused = sum(answer.startswith(b"HTTP/1.1 503") and b"retry-after: 1" in answer for answer in clients.answers.values())
        open_now, descriptors = len(clients.open), gateway.descriptors()
        answers, unhealthy = health.finish()
    left = time.monotonic()
    wait_until(lambda: gateway.chat().status == 200, 5, step=0.02, what="it serves again")
    figures = record("R29", clients=1000, descriptors=descriptors, held=open_now, refused=refused, cpu_percent=round(busy * 100, 1),
                     unhealthy=unhealthy, health_p99_ms=milliseconds(percentile(answers, 0.99)), recovered_s=round(time.monotonic() - left, 2))
    assert gateway.alive() and unhealthy == 0 and refused + open_now == 1000, figures
    assert busy < 0.2 * SLOW and figures["recovered_s"] <= 1 * SLOW, figures
    wait_until(lambda: lab.stats()["open_streams"] == 0, 5, what="the upstreams are cancelled")


@pytest.mark.release_only
@pytest.mark.seconds(120)
def test_memory_is_given_back_after_a_peak(start, scale):
    """512 bodies of 100 KB in flight; then the process is no more than twice as large as before."""
    gateway = start(defaults=FORGIVING, telemetry=NO_LOG)
    for _ in range(200):
        gateway.chat()
    before, peak = gateway.rss_kib(), 0
    with Load("json", gateway.data, "-c", 512, "--body-bytes", 100_000, "--lab", '{"ttft":"300ms"}', "-n", scale(2000, 8000)) as load:
        while load.child.poll() is None:
            peak = max(peak, gateway.rss_kib())
            time.sleep(0.05)
        result = load.result()
    after = None
    with contextlib.suppress(AssertionError):
        wait_until(lambda: gateway.rss_kib() <= 2 * before, 25, step=0.25, what="memory is given back")
    after = gateway.rss_kib()
    figures = record("memory", before_kib=before, peak_kib=peak, after_kib=after, requests=result["requests"], statuses=result["statuses"])
    assert after <= 2 * before, figures


# --- limits of memory and CPU -----------------------------------------------------------------------------------------


class ControlGroup:
    """A control group of version 1 or 2, if this test may make one."""

    def __init__(self, controller):
        v1 = Path("/sys/fs/cgroup") / controller
        self.unified = not v1.is_dir()
        self.folder = (Path("/sys/fs/cgroup") if self.unified else v1) / f"sluice-drill-{os.getpid()}"
        self.folder.mkdir()

    def enter(self):
        (self.folder / "cgroup.procs").write_text("0" if self.unified else str(os.getpid()))

    def remove(self):
        wait_until(lambda: not (self.folder / "cgroup.procs").read_text(), 5, what="the group is empty")
        self.folder.rmdir()


class MemoryGroup(ControlGroup):
    def __init__(self, limit):
        super().__init__("memory")
        (self.folder / ("memory.max" if self.unified else "memory.limit_in_bytes")).write_text(str(limit))

    def killed(self):
        text = (self.folder / ("memory.events" if self.unified else "memory.oom_control")).read_text()
        return int(re.search(r"oom_kill (\d+)", text)[1])

    def peak(self):
        file = self.folder / ("memory.peak" if self.unified else "memory.max_usage_in_bytes")
        return int(file.read_text()) if file.exists() else None


class CpuGroup(ControlGroup):
    def __init__(self, share):
        super().__init__("cpu")
        quota, period = str(int(share * 10_000)), "10000"  # microseconds
        if self.unified:
            (self.folder / "cpu.max").write_text(f"{quota} {period}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(period)
            (self.folder / "cpu.cfs_quota_us").write_text(quota)


@pytest.fixture
def group_of(request):
    def make(kind, size):
        try:
            group = kind(size)
        except OSError as error:
            pytest.skip(f"no control group can be made here: {error}")
        request.addfinalizer(group.remove)
        return group

    return make


def hostile(gateway, number, until, counts):
    """One attacker: large bodies, bodies that stop half way, stalled readers and large answers, in turn."""
    held = []
    large = request_bytes("POST", "/v1/chat/completions", body=chat_body(prompt="x" * (4 << 20)))
    stream = request_bytes("POST", "/v1/chat/completions", body=chat_body(stream=True, lab={"tokens": 4000, "chunk_bytes": 16384}))
    answer = request_bytes("POST", "/v1/chat/completions", body=chat_body(lab={"answer_bytes": "4MiB"}))
    turn = number
    while time.monotonic() < until:
        turn += 1
        outcome = None
        try:
            client = Connection(gateway.data, timeout=10, receive_buffer=4096 if turn % 4 == 2 else None)
            held.append(client)
            if turn % 4 == 1:
                client.send(large[: 3 << 20])
            elif turn % 4 == 2:
                client.send(stream)
            else:
                client.send(large if turn % 4 == 0 else answer)
                outcome = client.read().status
        except (Closed, OSError, AssertionError):
            outcome = "cut"
        counts[outcome] = counts.get(outcome, 0) + 1
        if len(held) > 12:
            held.pop(0).close()
    for client in held:
        client.close()


@pytest.mark.release_only
@pytest.mark.seconds(900)
def test_in_a_small_container_hostile_load_is_refused_and_nothing_is_killed(group_of, start, scale):
    """R30: a control group of 64 MiB, and clients that want far more."""
    memory_group = group_of(MemoryGroup, 64 << 20)
    gateway = start(defaults=FORGIVING, preexec=memory_group.enter, telemetry=NO_LOG)
    limit = gateway.metric("sluice_memory_limit_bytes")
    until, counts, most = time.monotonic() + scale(5, 600), {}, 0
    attackers = [threading.Thread(target=hostile, args=(gateway, number, until, counts), daemon=True) for number in range(24)]
    with HealthWatch(gateway.admin, 0.1) as health:
        for attacker in attackers:
            attacker.start()
        while time.monotonic() < until:
            most = max(most, gateway.rss_kib() if gateway.alive() else 0)
            time.sleep(0.1)
        for attacker in attackers:
            attacker.join(30)
        answers, unhealthy = health.finish()
    over = time.monotonic()
    assert gateway.alive(), gateway.err[-2000:]
    wait_until(lambda: gateway.chat().status == 200, 10, step=0.05, what="it serves again")
    figures = record("R30", seconds=scale(5, 600), group_mib=64, guard_mib=round(limit / (1 << 20), 1), killed=memory_group.killed(),
                     group_peak_mib=round((memory_group.peak() or 0) / (1 << 20), 1), rss_peak_mib=round(most / 1024, 1),
                     outcomes={str(k): v for k, v in counts.items()}, refused=gateway.metric("sluice_memory_refusals_total"),
                     unhealthy=unhealthy, health_p99_ms=milliseconds(percentile(answers, 0.99)), serves_again_s=round(time.monotonic() - over, 2))
    assert limit == (64 << 20) // 100 * 70
    assert figures["killed"] == 0 and unhealthy == 0, figures
    assert counts.get(503, 0) > 0 and figures["refused"] > 0, figures


@pytest.mark.release_only
def test_a_large_body_is_refused_when_memory_is_tight_and_small_ones_go_on(start):
    """85 % of the limit is half a MiB more than what it uses at rest: no room for 4 MiB."""
    gateway = start(defaults=FORGIVING)
    used = gateway.metric("sluice_memory_used_bytes")
    gateway.stop()
    gateway = start(defaults=FORGIVING, server={"limits": {"memory": f"{int((used + (512 << 10)) / 0.85)}B"}})
    with gateway.raw() as client:  # who waits for 100 is told before it sends
        client.send(request_bytes("POST", "/v1/chat/completions", headers={"Expect": "100-continue", "Content-Length": str(4 << 20)}, body=b""))
        refused = client.read()
    assert (refused.status, refused.error["code"], refused.header("retry-after")) == (503, "overloaded", "1")
    assert gateway.chat(prompt="x" * 10_000).status == 200
    assert gateway.metric("sluice_memory_refusals_total") == 1


def test_everything_is_refused_when_memory_is_full_but_health_goes_on(start):
    gateway = start(defaults=FORGIVING, server={"limits": {"memory": "1MiB"}})
    with gateway.raw() as client:  # turned away without its request being read
        answer = client.read()
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert gateway.ready()


@pytest.mark.release_only
@pytest.mark.seconds(400)
def test_three_times_what_the_cpu_can_do_is_served_at_its_best(group_of, start, lab, scale):
    """R11 where the CPU is the limit: a third of a core. A refusal would cost half of what an answer does, so that callers who are connected
    wait instead, for as long as their number says; those above `max_connections` are refused, at a rate that leaves the others their time."""
    cpu, limit = group_of(CpuGroup, 0.33), 3000
    gateway = start(defaults=FORGIVING, providers={"lab": provider(lab, pool={"max_open": 8000, "max_idle": 8000})}, models={"fast": "lab/fast"},
                    telemetry=NO_LOG, server={"workers": 1, "limits": {"max_connections": limit}}, preexec=cpu.enter)

    def at(connections, rate=None, ttft="200ms"):
        options = ["--rate", rate] if rate else []
        with Load("json", gateway.data, "-c", connections, *options, "--body-bytes", 1000, "--lab", json.dumps({"ttft": ttft}),
                  seconds=scale(2, 15)) as load:
            return load.result()

    def goodput(run):
        return run["statuses"].get("200", 0) / run["seconds"]

    at(2000)  # connections are made
    best = goodput(at(2000))
    unloaded = at(2000, int(best / 3))
    with HealthWatch(gateway.admin) as health:
        over = at(2000, int(3 * best))
        answers, unhealthy = health.finish()
    best = (best + goodput(at(2000))) / 2  # what else the machine does has its say, too
    flood = at(limit + 2000, int(3 * best))
    p99 = {name: run["latency_by_status_us"]["200"]["p99"] / 1e3 for name, run in (("unloaded", unloaded), ("over", over))}
    figures = record(
        "R11 CPU", share=0.33, connections=2000, goodput_peak=round(best), goodput_at_3x=round(goodput(over)), statuses=over["statuses"],
        unloaded_p99_ms=round(p99["unloaded"], 1), admitted_p99_ms=round(p99["over"], 1), health_p99_ms=milliseconds(percentile(answers, 0.99)),
        unhealthy=unhealthy, flood={"goodput": round(goodput(flood)), "statuses": flood["statuses"], "told_when": flood["told_when"],
                                    "refused_ms": round(flood["latency_by_status_us"].get("503", {"p50": 0})["p50"] / 1e3, 1)})
    assert unhealthy == 0 and set(over["statuses"]) == {"200"} and set(flood["statuses"]) == {"200", "503"}, figures
    assert goodput(over) >= scale(0.5, 0.9) * best and goodput(flood) >= scale(0.3, 0.6) * best, figures
    assert p99["over"] <= 3 * p99["unloaded"] * scale(4, 1), figures
    assert flood["told_when"] == flood["statuses"]["503"], figures

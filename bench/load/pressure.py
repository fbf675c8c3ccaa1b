"""Measurements under pressure: very many streams, memory after a peak, slow clients, large configurations."""

import subprocess
import threading
import time

import slow
from measure import Window, finish, measure_hold, measure_json, problems_of, read_opened, rest_and_warm
from processes import process_clock
from sides import descriptor_limit

# A gateway may refuse clients above 40 % of its descriptors: each needs an upstream's, and health and logs some.
SHARE, RESERVE = 0.4, 100
IDLE = {"per_token": "10s", "tokens": 600, "chunk_bytes": 300, "precomputed": True}


def possible(streams):
    """As many of `streams` as the hard limit on descriptors allows a proxy."""
    return min(streams, int(descriptor_limit() * SHARE) - RESERVE)


def note_on(streams, wanted):
    return [f"{streams:,} streams instead of {wanted:,}: the hard limit on descriptors is {descriptor_limit():,}"] \
        if streams < wanted else []


class Beside:
    """A child process in the form that Window asks CPU time from."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_ns(self):
        return time.clock_gettime_ns(process_clock(self.pid))


def measure_many_streams(run):
    """A chunk per second on each of very many streams: none is lost, none waits."""
    streams = possible(run.row.connections)
    return measure_hold(run, streams, seconds=10) | {"notes": note_on(streams, run.row.connections)}


def measure_beside_streams(run):
    """The cost of a request before and while `row.held` streams are open, with the same process."""
    streams = possible(run.row.held)
    measure_json(run)  # warms up
    base = measure_json(run)
    process = run.load.start("hold", run.port, streams, IDLE, [], run.load.cpus)
    opened, _ = read_opened(process, Window(None, None))
    result = measure_json(run, beside=[Beside(process.pid)])
    held, _ = finish(process)
    result["problems"] += base["problems"] + problems_of(held)
    if opened["opened"] != streams:
        result["problems"].append(f"only {opened['opened']} streams open")
    return compared(result, base) | {"notes": note_on(streams, run.row.held)}


def measure_with_models(run):
    """The cost of a request with one and with `row.models` configured models, two processes in turn."""
    one, one_port = run.start(models=1)
    base_run = type(run)(run.load, run.row, run.seconds, run.cpus, one, one_port, None)
    many = ["--model", f"model-{run.row.models // 2}"]
    for each, model in ((base_run, ["--model", "model-0"]), (run, many)):
        measure_json(each, model)
    base = measure_json(base_run, ["--model", "model-0"])
    result = measure_json(run, many)
    result["problems"] += base["problems"]
    return compared(result, base)


def compared(result, base):
    return result | {"base_cpu_us": base["cpu_us"], "times_base": result["cpu_us"] / max(base["cpu_us"], 1e-9)}


class Peak:
    """The most that a proxy holds while the block runs, looked at every 30 ms."""

    def __init__(self, proxy):
        self.proxy, self.kib, self.over = proxy, 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.over.wait(0.03):
            self.kib = max(self.kib, self.proxy.resident_kib())

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def measure_give_back(run):
    """Memory before, during and ten seconds after a wave of large requests that all wait for their upstream."""
    row = run.row
    _, before = rest_and_warm(run)
    window = Window(run.proxy, run.load.upstream)
    with Peak(run.proxy) as peak:
        options = ["-t", 3, "--body-bytes", row.body_bytes]
        result, load_ns = finish(run.load.start("json", run.port, row.connections, row.lab, options, run.cpus))
    _, others = window.end(load_ns)
    time.sleep(10)
    after = run.proxy.resident_kib()
    payload = row.connections * row.body_bytes / 1024
    return {
        "rest_mib": before / 1024, "peak_mib": peak.kib / 1024, "after_mib": after / 1024,
        "peak_times_payload": (peak.kib - before) / payload,
        "others": others, "problems": problems_of(result), "load": result,
    }


def kernel_kib(port, upstream_port):
    """(sockets towards clients, KiB that the kernel holds for all of a proxy's sockets)."""
    lines = subprocess.run(["ss", "-tmnHO", "state", "established", f"( sport = :{port} or dport = :{upstream_port} )"],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    total = clients = 0
    for line in lines:
        fields = line.split()
        clients += fields[2].endswith(f":{port}")
        memory = line[line.index("skmem:(") + 7:].split(")")[0].split(",")
        total += sum(int(field[1:]) for field in memory if field[0] in "rw" and field[1:].isdigit())
    return clients, total / 1024


def measure_slow_readers(run):
    """Clients that ask for an endless stream at full speed, read its beginning and then nothing."""
    return measure_slow(run, slow.readers, settle=12, until=None)


def measure_slow_writers(run):
    """Clients whose bodies arrive at a byte per second: far below any sensible minimum rate."""
    return measure_slow(run, slow.writers, settle=6, until=16)


def measure_slow(run, clients, settle, until):
    row = run.row
    _, before = rest_and_warm(run)
    window = Window(run.proxy, run.load.upstream)
    began = time.monotonic()
    with clients(run.port, row.connections, row.lab) as group:
        group.drive(began + settle)
        during = run.proxy.resident_kib()
        open_now, kernel = kernel_kib(run.port, run.load.upstream.ports[0])
        if until:
            group.drive(began + until)
        left, _ = kernel_kib(run.port, run.load.upstream.ports[0])
    _, others = window.end(0)
    problems = [] if open_now >= row.connections else [f"only {open_now} connections open"]
    return {"user_kib": (during - before) / max(open_now, 1), "kernel_kib": kernel / max(open_now, 1),
            "open_after": left, "others": others, "problems": problems, "load": {}}

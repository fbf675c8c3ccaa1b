"""One measurement: sluice_load against one side, with the proxy's CPU time and memory beside it."""

import dataclasses
import json
import os
import subprocess
import time

from processes import busy_ns
from sides import KEY

NOISY = 0.08  # of one CPU used by others while we measured


class Load:
    """Runs sluice_load; remembers what every run is given."""

    def __init__(self, binary, upstream, cpus, tls=False):
        self.binary, self.upstream, self.cpus, self.tls = binary, upstream, cpus, tls

    def command(self, mode, port, connections, lab, extra):
        command = [self.binary, mode, "--port", str(port), "-c", str(connections), "--patience", "90",
                   "--header", f"authorization: Bearer {KEY}", *map(str, extra)]
        if self.tls:
            command.append("--tls")
        return command + (["--lab", json.dumps(lab, separators=(",", ":"))] if lab else [])

    def start(self, mode, port, connections, lab, extra, cpus=None):
        return subprocess.Popen(self.command(mode, port, connections, lab, extra), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, cpus or self.cpus))


@dataclasses.dataclass
class Run:
    """What a measurement is given: `proxy` (None: direct) listens on `port`."""
    load: Load
    row: object
    seconds: float
    cpus: set
    proxy: object
    port: int
    start: object  # start(**options): another proxy of the same side and its port; ends with the measurement


def read_opened(process, window):
    """Waits until sluice_load says that all connections are open: what it had by then, and what the proxy had used."""
    process.first_line = process.stdout.readline()
    opened = json.loads(process.first_line or "{}")
    if "opened" in opened:
        return opened, window.cpu(window.proxy) - window.proxy_ns
    return {"opened": 0, "requests": 0, "events": 0}, 0


def finish(process):
    """The last line of sluice_load, parsed, and the CPU time it took."""
    process.stdin.close()
    last = (getattr(process, "first_line", "") + process.stdout.read()).strip().splitlines()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not last:
        raise RuntimeError(f"sluice_load ended with status {process.returncode}")
    return json.loads(last[-1]), int((usage.ru_utime + usage.ru_stime) * 1e9)


def problems_of(result):
    """What went wrong in a run, as words; an empty list if nothing did."""
    found = [f"{count} x {kind}" for kind, count in result["error_kinds"].items()]
    found += [f"{count} x status {status}" for status, count in result["statuses"].items() if status != "200"]
    for key in ("mismatched", "lost", "repeated", "reordered", "error_events"):
        if result.get(key):
            found.append(f"{result[key]} {key}")
    return found


class Window:
    """CPU time between two moments: the proxy's, and what others on the machine used meanwhile."""

    def __init__(self, proxy, upstream, beside=()):
        self.proxy, self.others = proxy, [upstream, *beside]
        self.at, self.proxy_ns, self.others_ns = time.monotonic_ns(), self.cpu(proxy), sum(map(self.cpu, self.others))
        self.machine_ns, self.own_ns = busy_ns(), time.process_time_ns()

    @staticmethod
    def cpu(process):
        return process.cpu_ns() if process else 0

    def end(self, load_ns):
        """Nanoseconds of the proxy, and the share of one CPU that others used."""
        proxy = self.cpu(self.proxy) - self.proxy_ns
        ours = proxy + sum(map(self.cpu, self.others)) - self.others_ns + load_ns
        ours += time.process_time_ns() - self.own_ns
        others = busy_ns() - self.machine_ns - ours
        return proxy, max(0.0, others / (time.monotonic_ns() - self.at))


def measure_json(run, extra=(), beside=()):
    """`beside`: processes of ours that work at the same time."""
    row = run.row
    options = ["-t", run.seconds, "--body-bytes", row.body_bytes, *row.load_options, *extra]
    window = Window(run.proxy, run.load.upstream, beside)
    process = run.load.start("json", run.port, row.connections, row.lab, options, run.cpus)
    opened, at_open_ns = read_opened(process, window)
    result, load_ns = finish(process)
    proxy_ns, others = window.end(load_ns)
    if opened["requests"] > result["requests"] / 2:  # too slow, or too short, to leave the beginning out
        opened, at_open_ns = {"requests": 0}, 0
    return {
        "cpu_us": (proxy_ns - at_open_ns) / 1e3 / max(result["requests"] - opened["requests"], 1),
        "per_second": result["requests_per_second"],
        "p50_us": result["latency_us"]["p50"],
        "p99_us": result["latency_us"]["p99"],
        "others": others, "problems": problems_of(result), "load": result,
    }


def measure_stream(run):
    """At full speed all of it; else from the moment when all streams are open."""
    row = run.row
    tokens = row.tokens(run.seconds)
    lab = row.lab and row.lab | {"tokens": tokens}
    window = Window(run.proxy, run.load.upstream)
    process = run.load.start("stream", run.port, row.connections, lab, [*row.load_options, "--events", tokens], run.cpus)
    opened, at_open_ns = {"events": 0}, 0
    if not row.chunks_per_second:
        opened, at_open_ns = read_opened(process, window)
    result, load_ns = finish(process)
    proxy_ns, others = window.end(load_ns)
    return {
        "cpu_us": (proxy_ns - at_open_ns) / 1e3 / max(result["events"] - opened["events"], 1),
        "per_second": result["events_per_second"],
        "p50_us": result["first_event_us"]["p50"],
        "p99_us": result["between_events_us"]["p99"],
        "others": others, "problems": problems_of(result), "load": result,
    }


WARM_UP = {"tokens": 16}


def rest_and_warm(run):
    """KiB resident of a fresh proxy, and after it has served a few requests."""
    time.sleep(0.5)
    at_rest = run.proxy.resident_kib()
    options = ["-n", 200, "--body-bytes", 1024, *run.row.warm_up_options]
    finish(run.load.start("json", run.port, 4, run.row.lab and WARM_UP, options, run.cpus))
    return at_rest, run.proxy.resident_kib()


def measure_hold(run, streams=None, seconds=None):
    """`run.proxy` is fresh. KiB that it holds at rest, and per open stream after it has served a few requests."""
    row, streams = run.row, streams or run.row.connections
    at_rest, before = rest_and_warm(run)
    window = Window(run.proxy, run.load.upstream)
    lab = row.lab and row.lab | {"tokens": 600}
    process = run.load.start("hold", run.port, streams, lab, row.load_options, run.cpus)
    opened, at_open_ns = read_opened(process, window)
    time.sleep(seconds or run.seconds)
    during = run.proxy.resident_kib()
    proxy_ns = window.cpu(run.proxy) - window.proxy_ns - at_open_ns
    result, load_ns = finish(process)
    _, others = window.end(load_ns)
    problems = problems_of(result)
    if opened["opened"] != streams:
        problems.append(f"only {opened['opened']} streams open")
    return {
        "stream_kib": (during - before) / max(opened["opened"], 1),
        "rest_mib": at_rest / 1024,
        "streams": opened["opened"],
        "cpu_us": proxy_ns / 1e3 / max(result["events"] - opened["events"], 1),
        "gap_ms": result["between_events_us"]["max"] / 1e3,
        "others": others, "problems": problems, "load": result,
    }

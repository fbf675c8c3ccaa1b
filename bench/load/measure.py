"""One measurement: sluice_load against one side, with the proxy's CPU time and memory beside it."""

import json
import os
import subprocess
import time

from processes import busy_ns
from sides import KEY

NOISY = 0.08  # of one CPU used by others while we measured


class Load:
    """Runs sluice_load; remembers what every run is given."""

    def __init__(self, binary, upstream, cpus):
        self.binary, self.upstream, self.cpus = binary, upstream, cpus

    def command(self, mode, port, connections, lab, extra):
        command = [self.binary, mode, "--port", str(port), "-c", str(connections), "--patience", "90",
                   "--header", f"authorization: Bearer {KEY}", *map(str, extra)]
        return command + ["--lab", json.dumps(lab, separators=(",", ":"))]

    def start(self, mode, port, connections, lab, extra, cpus=None):
        return subprocess.Popen(self.command(mode, port, connections, lab, extra), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True,
                                preexec_fn=lambda: os.sched_setaffinity(0, cpus or self.cpus))


def finish(process):
    """The last line of sluice_load, parsed, and the CPU time it took."""
    process.stdin.close()
    last = process.stdout.read().strip().splitlines()
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

    def __init__(self, proxy, upstream):
        self.proxy, self.upstream = proxy, upstream
        self.begin()

    def begin(self):
        self.at, self.proxy_ns, self.upstream_ns = time.monotonic_ns(), self.cpu(self.proxy), self.cpu(self.upstream)
        self.machine_ns, self.own_ns = busy_ns(), time.process_time_ns()

    @staticmethod
    def cpu(process):
        return process.cpu_ns() if process else 0

    def end(self, load_ns):
        """Nanoseconds of the proxy, and the share of one CPU that others used."""
        proxy = self.cpu(self.proxy) - self.proxy_ns
        ours = proxy + self.cpu(self.upstream) - self.upstream_ns + load_ns + time.process_time_ns() - self.own_ns
        others = busy_ns() - self.machine_ns - ours
        return proxy, max(0.0, others / (time.monotonic_ns() - self.at))


def measure_json(load, proxy, port, row, seconds, cpus):
    extra = ["-t", seconds, "--body-bytes", row.body_bytes, *row.load_options]
    window = Window(proxy, load.upstream)
    result, load_ns = finish(load.start("json", port, row.connections, row.lab, extra, cpus))
    proxy_ns, others = window.end(load_ns)
    return {
        "cpu_us": proxy_ns / 1e3 / max(result["requests"], 1),
        "per_second": result["requests_per_second"],
        "p50_us": result["latency_us"]["p50"],
        "p99_us": result["latency_us"]["p99"],
        "others": others, "problems": problems_of(result), "load": result,
    }


def measure_stream(load, proxy, port, row, seconds, cpus):
    """From the moment when all streams are open, if there is one: opening them is not what is measured."""
    lab = row.lab | {"tokens": row.tokens(seconds)}
    window = Window(proxy, load.upstream)
    process = load.start("stream", port, row.connections, lab, [*row.load_options, "--events", lab["tokens"]], cpus)
    opened = {"events": 0}
    if row.lab.get("rate"):
        line = process.stdout.readline()
        if line:
            opened, proxy_at_open = json.loads(line), window.cpu(proxy)
    result, load_ns = finish(process)
    proxy_ns, others = window.end(load_ns)
    if opened.get("opened"):
        proxy_ns -= proxy_at_open - window.proxy_ns
    return {
        "cpu_us": proxy_ns / 1e3 / max(result["events"] - opened["events"], 1),
        "per_second": result["events_per_second"],
        "p50_us": result["first_event_us"]["p50"],
        "p99_us": result["between_events_us"]["p99"],
        "others": others, "problems": problems_of(result), "load": result,
    }


def measure_hold(load, proxy, port, row, seconds, cpus):
    """`proxy` is fresh. KiB that it holds at rest, and per open stream after it has served a few requests."""
    time.sleep(0.5)
    at_rest = proxy.resident_kib()
    warm_up = ["-n", 200, "--body-bytes", 1024]
    finish(load.start("json", port, 4, {"tokens": 16}, warm_up, cpus))
    before = proxy.resident_kib()
    window = Window(proxy, load.upstream)
    process = load.start("hold", port, row.connections, row.lab | {"tokens": 600}, row.load_options, cpus)
    opened = json.loads(process.stdout.readline() or "{}").get("opened", 0)
    time.sleep(seconds)
    during = proxy.resident_kib()
    result, load_ns = finish(process)
    _, others = window.end(load_ns)
    problems = problems_of(result)
    if opened != row.connections:
        problems.append(f"only {opened} streams open")
    return {
        "stream_kib": (during - before) / max(opened, 1),
        "rest_mib": at_rest / 1024,
        "others": others, "problems": problems, "load": result,
    }

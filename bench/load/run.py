#!/usr/bin/env python3
"""Direct, nginx and Sluice before the same upstream, in one run: medians and ratios. See ../README.md."""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import measure
from processes import Process, free_port, wait_until_quiet
from sides import Sides, descriptor_limit

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    measure: object
    connections: int
    lab: dict
    metrics: tuple             # (key in a measurement, what it is called)
    body_bytes: int = 1024
    load_options: tuple = ()
    one_cpu: bool = False      # proxy, upstream and load on one CPU: latency is then the sum of the work
    fresh: bool = False        # start the proxies anew in every round
    canned: bool = False       # needs the canned upstream: the lab would be what is measured
    chunks_per_second: int = 0  # full speed: how many chunks per stream fill a second, roughly

    def tokens(self, seconds):
        return max(10, int(seconds * (self.lab.get("rate") or self.chunks_per_second)))


CPU, RATE = "cpu_us", "per_second"
# An answer with the nonce of its request as its text: one that went astray is noticed.
ECHO = {"text": "@NONCE@"}
# The lab makes this answer once; with a text of its own for each request it would be slower than the proxies.
READY = {"precomputed": True, "answer_bytes": 700}
FINISHED = ("--expect", '"finish_reason":"stop"')
ROWS = (
    Row("1k-c1", measure.measure_json, 1, READY, load_options=FINISHED, one_cpu=True,
        metrics=((CPU, "CPU us per request"), ("added_p50_us", "added p50 us"), ("added_p99_us", "added p99 us"))),
    Row("1k-c64", measure.measure_json, 64, READY, load_options=FINISHED,
        metrics=((CPU, "CPU us per request"), (RATE, "requests/s"))),
    Row("1k-c512", measure.measure_json, 512, READY, load_options=FINISHED,
        metrics=((CPU, "CPU us per request"), (RATE, "requests/s"))),
    Row("100k-c64", measure.measure_json, 64, ECHO, load_options=("--echo",), body_bytes=100 * 1024, canned=True,
        metrics=((CPU, "CPU us per request"), (RATE, "requests/s"))),
    Row("stream-1000x20ms", measure.measure_stream, 1000, {"rate": 50, "chunk_bytes": 300, "precomputed": True},
        metrics=((CPU, "CPU us per chunk"), ("p50_us", "first event p50 us"), ("p99_us", "between events p99 us"))),
    Row("stream-64-full", measure.measure_stream, 64, {"chunk_bytes": 300}, chunks_per_second=3000, canned=True,
        metrics=((CPU, "CPU us per chunk"), (RATE, "chunks/s"))),
    Row("hold-5000", measure.measure_hold, 5000, {"rate": 1, "chunk_bytes": 300, "precomputed": True}, fresh=True,
        metrics=(("stream_kib", "KiB per open stream"), ("rest_mib", "MiB resident at rest"))),
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="about a minute and a half; rough figures")
    parser.add_argument("--rounds", type=int, help="rounds per row (5; quick: 2)")
    parser.add_argument("--seconds", type=float, help="seconds per measurement (2; quick: 1)")
    parser.add_argument("--only", action="append", metavar="NAME", help="rows: " + ", ".join(r.name for r in ROWS))
    parser.add_argument("--peer", action="append", default=[], choices=["haproxy"], help="measure this one, too")
    parser.add_argument("--without", action="append", default=[], choices=["direct", "nginx", "sluice"])
    parser.add_argument("--build", default="build/release", help="folder with sluice and sluice_load")
    parser.add_argument("--gateway", metavar="CMD",
                        help="starts the gateway that is measured as \"sluice\"; {config}, {port}, {admin_port} and "
                             "{upstream_port} are filled in (BUILD/sluice run -c {config})")
    parser.add_argument("--upstream", default="auto", metavar="auto|lab|canned|CMD",
                        help="lab: BUILD/sluice lab; canned: BUILD/sluice_canned; auto: the lab, but for the rows that "
                             "need the canned one; or a command with {port}")
    parser.add_argument("--proxy-cpu", type=int, default=0)
    parser.add_argument("--load-cpu", type=int, default=1, help="for the upstream and the load")
    parser.add_argument("--quiet-wait", type=float, default=0, metavar="S",
                        help="before each measurement wait up to S seconds for a quiet machine")
    parser.add_argument("--json", metavar="FILE", help="everything that was measured, with machine and method")
    parser.add_argument("--keep", action="store_true", help="keep configurations and logs")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1.0 if options.quick else 2.0)
    unknown = set(options.only or ()) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"no row is called {', '.join(sorted(unknown))}")
    return options


def resolve_commands(options):
    build = ROOT / options.build
    options.upstreams = {"lab": f"{build}/sluice lab --listen 127.0.0.1:{{port}} --threads 1",
                 "canned": f"{build}/sluice_canned --port {{port}}"}
    options.gateway = options.gateway or f"{build}/sluice run -c {{config}}"
    options.load_binary = str(build / "sluice_load")
    used = {"auto": ["lab", "canned"]}.get(options.upstream, [options.upstream])
    needed = [options.load_binary, *(options.upstreams.get(name, name).split()[0] for name in used)]
    if "sluice" not in options.without:
        needed.append(options.gateway.split()[0])
    for program in needed:
        if "/" in program and not os.access(program, os.X_OK):
            sys.exit(f"run.py: {program} is missing; build it, or see --build, --gateway, --upstream and --without")


@dataclasses.dataclass
class Stage:
    upstream: Process
    starter: Sides
    load: measure.Load
    proxies: dict = dataclasses.field(default_factory=dict)  # side: (process, port)


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.sides = [s for s in ("direct", "nginx", *options.peer, "sluice") if s not in options.without]
        self.proxy_cpus, self.load_cpus = {options.proxy_cpu}, {options.load_cpu}
        self.folder = pathlib.Path(folder)
        self.stages = {}    # name of an upstream: what runs with it
        self.remarks = []

    def stage(self, row):
        """The upstream that `row` needs, with what stands before it; started when first asked for."""
        name = self.options.upstream
        if name == "auto":
            name = "canned" if row.canned else "lab"
        if name not in self.stages:
            port = free_port()
            command = self.options.upstreams.get(name, name).format(port=port).split()
            upstream = Process("upstream", command, self.load_cpus, self.folder / f"upstream-{port}.log", [port])
            self.stages[name] = Stage(upstream, Sides(self.folder, port, self.options.gateway),
                                      measure.Load(self.options.load_binary, upstream, self.load_cpus))
        return self.stages[name]

    def run(self, row):
        """{side: [measurement of each round]}"""
        sides = [s for s in self.sides if not (row.fresh and s == "direct")]
        results = {side: [] for side in sides}
        stage = self.stage(row)
        stage.upstream.pin(self.proxy_cpus if row.one_cpu else self.load_cpus)
        for round_number in range(self.rounds_of(row)):
            turn = round_number % len(sides)
            for side in sides[turn:] + sides[:turn]:
                wait_until_quiet(self.options.quiet_wait)
                results[side].append(self.one(stage, row, side))
            for side in sides:
                direct = results.get("direct", [{}])[-1]
                add_latency(results[side][-1], direct)
                if row.canned:  # the lab's words depend on the request, which a gateway changes
                    compare_contents(results[side][-1], direct)
        return results

    def rounds_of(self, row):
        return min(self.options.rounds, 3) if row.fresh else self.options.rounds

    def one(self, stage, row, side):
        """One measurement; a side that cannot be started or measured has a problem instead of figures."""
        cpus = self.proxy_cpus if row.one_cpu else self.load_cpus
        seconds = self.options.seconds
        if row.measure is measure.measure_stream and row.lab.get("rate"):
            seconds = max(seconds, 2.0) * 1.5  # the streams need a while until they are all open
        proxy = None
        try:
            proxy, port = self.proxy_for(stage, row, side)
            return row.measure(stage.load, proxy, port, row, seconds, cpus)
        except RuntimeError as failure:
            return {"problems": [str(failure)]}
        finally:
            if row.fresh and proxy:
                stage.starter.stop(proxy)

    def proxy_for(self, stage, row, side):
        if row.fresh:
            return stage.starter.start(side, self.proxy_cpus)
        proxy, port = stage.proxies.get(side, (None, None))
        if port is None or (proxy and not proxy.alive()):
            stage.proxies[side] = stage.starter.start(side, self.proxy_cpus)
            self.warm_up(stage, side, stage.proxies[side][1])
        return stage.proxies[side]

    def warm_up(self, stage, side, port):
        """Also the check that no answer goes to somebody else: on a lab row each answer is the same."""
        result, _ = measure.finish(stage.load.start("json", port, 64, ECHO, ["-t", 0.4, "--echo"]))
        self.remarks += [f"warm-up, {side}: {text}" for text in measure.problems_of(result)]

    def stop(self):
        for stage in self.stages.values():
            stage.starter.stop_all()
            stage.upstream.stop()


def add_latency(result, direct):
    for quantile in ("p50_us", "p99_us"):
        if quantile in result and quantile in direct:
            result["added_" + quantile] = result[quantile] - direct[quantile]


def compare_contents(result, direct):
    """What the streams said must be what they say without a proxy, if the upstream says the same to everybody."""
    ours, theirs = (m.get("load", {}).get("contents") for m in (result, direct))
    if ours and theirs and theirs["distinct"] == 1 and ours["streams"].keys() != theirs["streams"].keys():
        result["problems"].append("contents differ from direct")


def calmest(measurements):
    """The 60 % of the rounds in which others used the least CPU."""
    good = sorted((m for m in measurements if "others" in m), key=lambda m: m["others"])
    return good[:max(1, round(len(good) * 0.6))]


def median_of(measurements, key):
    values = [m[key] for m in calmest(measurements) if key in m]
    return statistics.median(values) if values else None


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def table_lines(row, sides, results):
    """One line per metric, and the remarks that belong under the table."""
    remarks = []
    for side, measurements in results.items():
        for round_number, found in enumerate(m["problems"] for m in measurements):
            remarks += [f"{row.name}, {side}, round {round_number + 1}: {text}" for text in found]
    noise = max((m["others"] for ms in results.values() for m in calmest(ms)), default=0)
    mark = (" !" if remarks else "") + (" ~" if noise > measure.NOISY else "")
    lines = []
    for key, title in row.metrics:
        medians = {side: median_of(results.get(side, []), key) for side in sides}
        if key in (CPU, "added_p50_us", "added_p99_us"):
            medians["direct"] = None
        ratio = medians["sluice"] / medians["nginx"] if medians.get("sluice") and medians.get("nginx") else None
        cells = [number(medians[side]) for side in sides]
        lines.append([row.name + mark, title, *cells, f"{ratio:.2f}" if ratio else "-"])
    return lines, remarks


def print_table(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for index, line in enumerate(lines):
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print("| " + " | ".join(cells) + " |")
        if index == 0:
            print("|" + "|".join("-" * (w + 2) if i < 2 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")


def facts(options):
    def output(*command):
        try:
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            return (done.stdout or done.stderr).strip()
        except OSError:
            return None
    model = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output("git", "rev-parse", "--short", "HEAD"),
        "changed_files": len((output("git", "status", "--porcelain", "--untracked-files=no") or "").splitlines()),
        "machine": {"cpu": model[0] if model else platform.machine(), "cpus": os.cpu_count(),
                    "kernel": platform.release(),
                    "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20},
        "method": {"rounds": options.rounds, "seconds": options.seconds, "upstream": options.upstream,
                   "proxy_cpu": options.proxy_cpu, "load_cpu": options.load_cpu,
                   "median": "of the 60 % of the rounds in which others used the least CPU"},
    }


def main():
    options = arguments()
    resolve_commands(options)
    descriptor_limit()
    rows = [row for row in ROWS if not options.only or row.name in options.only]
    report = facts(options) | {"rows": {}}
    folder = tempfile.mkdtemp(prefix="sluice-bench-")
    if options.keep:
        print(f"configurations and logs: {folder}", file=sys.stderr)
    bench = None
    lines, remarks = [], []
    try:
        bench = Bench(options, folder)
        lines.append(["row", "measure", *bench.sides, "sluice/nginx"])
        for row in rows:
            print(f"{row.name} ...", file=sys.stderr, flush=True)
            results = bench.run(row)
            report["rows"][row.name] = results
            more_lines, more_remarks = table_lines(row, bench.sides, results)
            lines += more_lines
            remarks += more_remarks
    except RuntimeError as failure:
        remarks.append(f"the run ended early: {failure}")
    finally:
        if bench:
            bench.stop()
            remarks += bench.remarks
        if not options.keep:
            subprocess.run(["rm", "-r", "--", folder], check=False)
    if len(lines) > 1:
        print_table(lines)
    for remark in remarks:
        print("! " + remark)
    if any(" ~" in line[0] for line in lines):
        print(f"~ others used more than {measure.NOISY:.0%} of a CPU meanwhile: repeat on a quiet machine")
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report | {"remarks": remarks}, indent=1) + "\n")
    return 1 if remarks else 0


if __name__ == "__main__":
    sys.exit(main())

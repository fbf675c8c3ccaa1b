"""Runs rows: starts upstreams and proxies, takes the sides in turn, and keeps what was measured."""

import dataclasses
import pathlib
import time

import measure
from processes import Process, free_port, wait_until_quiet
from rows import ECHO
from sides import Certificate, Sides


@dataclasses.dataclass
class Stage:
    upstream: Process
    starter: Sides
    load: measure.Load
    proxies: dict = dataclasses.field(default_factory=dict)  # side: (process, port)


class Bench:
    def __init__(self, options, folder, sides=Sides):
        self.options = options
        self.sides = [s for s in ("direct", "nginx", *options.peer, "sluice") if s not in options.without]
        self.proxy_cpus, self.load_cpus = {options.proxy_cpu}, {options.load_cpu}
        self.folder = pathlib.Path(folder)
        self.make_sides = sides
        self.stages = {}    # (name of an upstream, with TLS or not): what runs with it
        self.remarks, self.notes = [], []
        self.certificate = None
        self.patience = options.quiet_total

    def stage(self, row):
        """The upstream that `row` needs, with what stands before it; started when first asked for."""
        name = self.options.upstream
        if name == "auto":
            name = "canned" if row.canned else "lab"
        if (name, row.tls) not in self.stages:
            port = free_port()
            command = self.options.upstreams.get(name, name).format(port=port).split()
            if row.tls:
                self.certificate = self.certificate or Certificate(self.folder)
                command += self.certificate.options
            upstream = Process("upstream", command, self.load_cpus, self.folder / f"upstream-{port}.log", [port])
            self.stages[name, row.tls] = Stage(
                upstream, self.make_sides(self.folder, port, self.options.gateway, self.certificate if row.tls else None),
                measure.Load(self.options.load_binary, upstream, self.load_cpus, row.tls))
        return self.stages[name, row.tls]

    def run(self, row):
        """{side: [measurement of each round]}"""
        sides = [s for s in self.sides if not (row.fresh and s == "direct") and (not row.sides or s in row.sides)]
        results = {side: [] for side in sides}
        if not sides:
            return results
        stage = self.stage(row)
        stage.upstream.pin(self.proxy_cpus if row.one_cpu else self.load_cpus)
        for round_number in range(min(self.options.rounds, row.most_rounds)):
            turn = round_number % len(sides)
            for side in sides[turn:] + sides[:turn]:
                self.wait_for_quiet()
                results[side].append(self.one(stage, row, side))
            for side in sides:
                direct = results.get("direct", [{}])[-1]
                add_latency(results[side][-1], direct)
                if row.canned:  # the lab's words depend on the request, which a gateway changes
                    compare_contents(results[side][-1], direct)
        self.notes += sorted({f"{row.name}: {note}" for ms in results.values() for m in ms for note in m.get("notes", [])})
        return results

    def wait_for_quiet(self):
        began = time.monotonic()
        wait_until_quiet(min(self.options.quiet_wait, self.patience))
        self.patience -= time.monotonic() - began

    def one(self, stage, row, side):
        """One measurement; a side that cannot be started or measured has a problem instead of figures."""
        cpus = self.proxy_cpus if row.one_cpu else self.load_cpus
        seconds = self.options.seconds
        if row.measure is measure.measure_stream and row.lab.get("rate"):
            seconds = max(seconds, 2.0) * 1.5  # the streams need a while until they are all open
        begun = []

        def start(**options):
            begun.append(stage.starter.start(side, self.proxy_cpus, **options))
            return begun[-1]

        try:
            if row.fresh:
                proxy, port = start(models=row.models, streams=max(row.held, row.connections))
            else:
                proxy, port = self.running(stage, row, side)
            return row.measure(measure.Run(stage.load, row, seconds, cpus, proxy, port, start))
        except RuntimeError as failure:
            return {"problems": [str(failure)]}
        finally:
            for process, _ in begun:
                stage.starter.stop(process)

    def running(self, stage, row, side):
        proxy, port = stage.proxies.get(side, (None, None))
        if port is None or (proxy and not proxy.alive()):
            stage.proxies[side] = stage.starter.start(side, self.proxy_cpus)
            self.warm_up(stage, row, side, stage.proxies[side][1])
        return stage.proxies[side]

    def warm_up(self, stage, row, side, port):
        """Also the check that no answer goes to somebody else: on a lab row each answer is the same."""
        lab, options = (ECHO, ["--echo"]) if row.lab else ({}, row.warm_up_options)
        result, _ = measure.finish(stage.load.start("json", port, 64, lab, ["-t", 0.4, *options]))
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

#!/usr/bin/env python3
"""Sluice, nginx and other gateways before the same upstream, in one run: installs them, measures, prints a table.

  bench/peers/run.py [--quick] [--json FILE] [--publish DIR] [--only SIDE ...]     about ten minutes; see ../README.md
"""

import argparse
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "load"))

import figures  # noqa: E402
import install  # noqa: E402
import measure  # noqa: E402
import publish  # noqa: E402
from bench import Bench  # noqa: E402
from facts import ROOT, facts  # noqa: E402
from peer_sides import PeerSides  # noqa: E402
from rows import FINISHED, LATENCY, MEMORY, PER_CHUNK, PER_REQUEST, Row  # noqa: E402
from sides import descriptor_limit  # noqa: E402

# The model's name is what every gateway passes on, so it says what the lab shall do; a member `lab` would not get through.
SCENARIOS = {
    "bench-json": {"precomputed": True, "answer_bytes": 700},
    "bench-stream": {"rate": 10, "tokens": 40, "chunk_bytes": 300, "precomputed": True},
    "bench-hold": {"rate": 1, "tokens": 600, "chunk_bytes": 300, "precomputed": True},
}


def peer_rows(headers):
    def row(name, how, connections, metrics, model, options=(), **more):
        return Row(name, how, connections, {}, metrics, load_options=("--model", model, *options, *headers),
                   warm_up_options=("--model", "bench-json", *headers), **more)
    return (
        row("1k-c1", measure.measure_json, 1, LATENCY, "bench-json", FINISHED, one_cpu=True),
        row("1k-c64", measure.measure_json, 64, PER_REQUEST, "bench-json", FINISHED),
        row("stream-50x100ms", measure.measure_stream, 50, PER_CHUNK, "bench-stream",
            events=SCENARIOS["bench-stream"]["tokens"]),
        row("hold-200", measure.measure_hold, 200, MEMORY, "bench-hold", fresh=True, most_rounds=1),
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of a second each")
    parser.add_argument("--rounds", type=int, help="rounds per row (3; quick: 1)")
    parser.add_argument("--seconds", type=float, help="seconds per measurement (3; quick: 1)")
    parser.add_argument("--only", action="append", choices=sorted(install.INSTALLERS), help="of the other gateways, this one")
    parser.add_argument("--build", default="build/release", help="folder with sluice and sluice_load")
    parser.add_argument("--quiet-wait", type=float, default=5, metavar="S", help="for a quiet machine, before a measurement")
    parser.add_argument("--limit", type=float, default=15, metavar="MINUTES", help="rows that would begin later are left out")
    parser.add_argument("--json", metavar="FILE", help="everything that was measured")
    parser.add_argument("--publish", metavar="DIR", help="writes DIR/peers.json, the tables and the plot")
    parser.add_argument("--keep", action="store_true", help="keep configurations and logs")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (1.0 if options.quick else 3.0)
    return options


def install_all(names):
    """({side: command}, {side: version}, {side: why not})"""
    commands, versions, missing = {}, {}, {}
    for name in names:
        print(f"{name}: installing ...", file=sys.stderr, flush=True)
        try:
            commands[name], versions[name] = install.INSTALLERS[name]()
        except install.Unavailable as why:
            missing[name] = str(why)
            print(f"{name}: {why}", file=sys.stderr)
    return commands, versions, missing


def complete(options, folder, peers):
    """The options that Bench wants beside ours."""
    build = ROOT / options.build
    scenarios = pathlib.Path(folder) / "scenarios.json"
    scenarios.write_text(json.dumps({"scenarios": SCENARIOS}))  # JSON is YAML
    options.sluice, options.load_binary = str(build / "sluice"), str(build / "sluice_load")
    options.upstreams = {"lab": f"{build}/sluice lab --listen 127.0.0.1:{{port}} --threads 1 --scenario {scenarios}"}
    options.gateway, options.upstream = f"{build}/sluice run -c {{config}}", "lab"
    options.peer, options.without = list(peers), []
    options.proxy_cpu, options.load_cpu, options.quiet_total = 0, 1, 120


def measure_all(bench, options, report, lines):
    first = bench.stage(Row("", None, 0, {}, ()))
    began, remarks = time.monotonic(), []
    for row in peer_rows(first.starter.headers()):
        if time.monotonic() - began > options.limit * 60:
            remarks.append(f"{row.name}: left out, the time was over")
            continue
        results = bench.run(row)
        print(f"{row.name}: done after {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        report["rows"][row.name] = results
        report["summary"][row.name] = {"noise": round(figures.noise(results), 3)} | figures.summary(row, results)
        lines += figures.table_lines(row, bench.sides, results)
        remarks += figures.problems(row, results)
    return remarks


def main():
    options = arguments()
    descriptor_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    PeerSides.programs, versions, missing = install_all(options.only or install.INSTALLERS)
    folder = tempfile.mkdtemp(prefix="sluice-peers-")
    if options.keep:
        print(f"configurations and logs: {folder}", file=sys.stderr)
    complete(options, folder, PeerSides.programs)
    report = facts(options, options.sluice) | {"command": " ".join(["bench/peers/run.py", *sys.argv[1:]]),
                                               "missing": missing, "rows": {}, "summary": {}}
    report["versions"] |= versions
    bench = Bench(options, folder, sides=PeerSides)
    report["sides"] = [side for side in bench.sides if side != "direct"]
    lines, remarks = [["row", "measure", *bench.sides, "sluice/nginx"]], []
    try:
        remarks += measure_all(bench, options, report, lines)
    except RuntimeError as failure:
        remarks.append(f"the run ended early: {failure}")
    finally:
        bench.stop()
        remarks += bench.remarks
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    figures.print_table(lines)
    for remark in [*remarks, *(f"{name}: {why}" for name, why in missing.items())]:
        print("! " + remark)
    report |= {"remarks": remarks, "notes": bench.notes}
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if options.publish:
        publish.write(report, pathlib.Path(options.publish), "peers")
    return 1 if remarks else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Direct, nginx and Sluice before the same upstream, in one run: medians and ratios. See ../README.md."""

import argparse
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import figures
import measure
import publish
from bench import Bench
from facts import ROOT, facts
from rows import GROUPS, ROWS
from sides import descriptor_limit


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two rounds of a second each; rough figures")
    parser.add_argument("--publish", metavar="DIR", help="all rows; writes DIR/results.json and from it the tables in "
                                                         "README.md and docs/performance.md and the plots in docs/")
    parser.add_argument("--rounds", type=int, help="rounds per row (5; quick: 2)")
    parser.add_argument("--seconds", type=float, help="seconds per measurement (2; quick: 1)")
    parser.add_argument("--group", action="append", choices=sorted(GROUPS), help="rows by group (plain)")
    parser.add_argument("--only", action="append", metavar="NAME", help="rows: " + ", ".join(r.name for r in ROWS))
    parser.add_argument("--limit", type=float, default=25, metavar="MINUTES", help="rows that would begin later are left out")
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
    parser.add_argument("--quiet-wait", type=float, metavar="S",
                        help="before each measurement wait up to S seconds for a quiet machine (0; publish: 10)")
    parser.add_argument("--quiet-total", type=float, default=240, metavar="S", help="but no longer in all")
    parser.add_argument("--json", metavar="FILE", help="everything that was measured, with machine and method")
    parser.add_argument("--keep", action="store_true", help="keep configurations and logs")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.seconds = options.seconds or (1.0 if options.quick else 2.0)
    if options.quiet_wait is None:
        options.quiet_wait = 10 if options.publish else 0
    unknown = set(options.only or ()) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"no row is called {', '.join(sorted(unknown))}")
    return options


def chosen_rows(options):
    if options.only:
        return [row for row in ROWS if row.name in options.only]
    groups = options.group or (sorted(GROUPS, key=list(GROUPS).index) if options.publish else ["plain"])
    return [row for group in groups for row in GROUPS[group]]


def resolve_commands(options):
    build = ROOT / options.build
    options.sluice = str(build / "sluice")
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


def measure_rows(bench, rows, report, lines, limit_minutes):
    """Adds to `report` and `lines`; result: remarks."""
    remarks = []
    began = time.monotonic()
    for row in rows:
        if time.monotonic() - began > limit_minutes * 60:
            remarks.append(f"{row.name}: left out, the time was over")
            continue
        row_began = time.monotonic()
        results = bench.run(row)
        print(f"{row.name}: {time.monotonic() - row_began:.0f} s", file=sys.stderr, flush=True)
        report["rows"][row.name] = results
        report["summary"][row.name] = {"noise": round(figures.noise(results), 3)} | figures.summary(row, results)
        lines += figures.table_lines(row, bench.sides, results)
        remarks += figures.problems(row, results)
    return remarks


def write_reports(options, report):
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(report, indent=1) + "\n")
    if options.publish:
        publish.write(report, pathlib.Path(options.publish), "results")


def main():
    options = arguments()
    resolve_commands(options)
    descriptor_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the `finally`s, which end what was started
    command = " ".join(["bench/load/run.py", *sys.argv[1:]])
    report = facts(options, options.sluice) | {"command": command, "rows": {}, "summary": {}}
    folder = tempfile.mkdtemp(prefix="sluice-bench-")
    if options.keep:
        print(f"configurations and logs: {folder}", file=sys.stderr)
    bench = Bench(options, folder)
    lines, remarks = [["row", "measure", *bench.sides, "sluice/nginx"]], []
    try:
        remarks += measure_rows(bench, chosen_rows(options), report, lines, options.limit)
    except RuntimeError as failure:
        remarks.append(f"the run ended early: {failure}")
    finally:
        bench.stop()
        remarks += bench.remarks
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    figures.print_table(lines)
    for remark in remarks:
        print("! " + remark)
    for note in bench.notes:
        print("  " + note)
    if any(" ~" in line[0] for line in lines):
        print(f"~ others used more than {measure.NOISY:.0%} of a CPU meanwhile: repeat on a quiet machine")
    write_reports(options, report | {"remarks": remarks, "notes": bench.notes})
    return 1 if remarks else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""For instructions.sh: counts.py COUNTS COMMAND JSON CHECK writes the counts to JSON and compares them with CHECK (if not empty)."""

import datetime
import json
import pathlib
import subprocess
import sys

INSTRUCTIONS, SYSTEM_CALLS, AT_64, PACED = 0.03, 0.10, 0.25, 0.40


def tolerance_of(name):
    """How many system calls there are depends a little on what arrives at a time, which other work changes."""
    if name.startswith("instructions"):
        return INSTRUCTIONS
    if "paced" in name:  # on a busy machine two chunks share a wake-up
        return PACED
    return AT_64 if "c64" in name else SYSTEM_CALLS


def compare(counts, wanted):
    """Result: whether one is above what is allowed."""
    above = False
    for name, before in wanted.items():
        if name not in counts:
            continue
        change = counts[name] / before - 1
        tolerance = tolerance_of(name)
        if abs(change) > tolerance:
            print(f"{name}: {counts[name]:,.1f}, {change:+.1%} against {before:,.1f}"
                  + ("" if change > 0 else ": better; write it down (--json)"))
        above |= change > tolerance
    return above


def main(counts_file, command, json_file, check_file):
    lines = [line.split("\t") for line in pathlib.Path(counts_file).read_text().splitlines()]
    counts = {name: float(count) for name, count in lines}
    if json_file:
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
        path = pathlib.Path(json_file)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                                    "commit": commit, "command": command, "counts": counts}, indent=1) + "\n")
    return compare(counts, json.loads(pathlib.Path(check_file).read_text())["counts"]) if check_file else False


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

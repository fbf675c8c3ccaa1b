"""What a drill measured: one JSON line each in build/test-results/figures.jsonl, for docs/robustness.md."""

import json
import time

from harness import ROOT

FILE = ROOT / "build/test-results/figures.jsonl"


def record(promise, **figures):
    """Appends the figures of `promise` (R1 ...) and prints them; returns them."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps({"promise": promise, "at": time.strftime("%Y-%m-%dT%H:%M:%S"), **figures})
    with FILE.open("a") as file:
        file.write(line + "\n")
    print(line)
    return figures


def percentile(values, part):
    """The value that `part` (0..1) of `values` do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else None

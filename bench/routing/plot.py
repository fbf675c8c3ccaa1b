#!/usr/bin/env python3
"""The simulator's figures as SVG plots, and as the tables of docs/routing.md.

    build/release/bench/routing/routing_simulator --json > bench/results/routing.json
    bench/routing/plot.py bench/results/routing.json docs

Writes docs/routing-*.svg, and what stands between `<!-- simulated NAME: begin -->` and `end` in docs/routing.md.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "load"))
from plot import bars, grouped_bars

POLICY, BROWN_OUT, HEDGING, AFFINITY, DIFFICULTY = "policy", "brown-out", "hedging", "affinity", "difficulty"


def group(rows, beginning):
    return [row for row in rows if row["group"].startswith(beginning)]


def table(head, lines):
    return "\n".join(["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)] +
                     ["| " + " | ".join(line) + " |" for line in lines])


def percent(part, whole):
    return f"{100 * part / whole:.2f}"


def over(value, best):
    return f"{100 * (value / best - 1):+.1f}"


def policy_table(rows):
    best = {row["name"]: row for row in rows}
    mean, cost = best["oracle: latency"]["mean"], best["oracle: cost"]["cost"]
    head = ("", "mean s", "regret %", "p50 s", "p95 s", "micro-$", "regret %", "failed %", "attempts", "within 1.2 s %")
    return table(head, [(row["name"], f"{row['mean']:.3f}", over(row["mean"], mean), f"{row['p50']:.3f}", f"{row['p95']:.3f}",
                         f"{row['cost']:.0f}", over(row["cost"], cost), percent(row["failures"], row["requests"]),
                         f"{row['attempts'] / row['requests']:.3f}", f"{100 * row['within_slo']:.1f}") for row in rows])


def brown_out_table(rows):
    return table(("", "attempts for each request", "failed %"),
                 [(row["name"], f"{row['attempts'] / row['requests']:.3f}", percent(row["failures"], row["requests"]))
                  for row in rows])


def hedging_table(rows):
    return table(("", "p50 s", "p95 s", "p99 s", "hedged %", "micro-$", "of that, lost attempts"),
                 [(row["name"], f"{row['p50']:.2f}", f"{row['p95']:.2f}", f"{row['p99']:.2f}",
                   percent(row["hedges"], row["requests"]), f"{row['cost']:.0f}", f"{row['hedge_cost']:.1f}") for row in rows])


def affinity_table(rows):
    return table(("", "input from a cache %", "input, micro-$", "all, micro-$", "mean s"),
                 [(row["name"], f"{100 * row['cached']:.1f}", f"{row['input_cost']:.0f}", f"{row['cost']:.0f}",
                   f"{row['mean']:.3f}") for row in rows])


def difficulty_table(rows):
    best = next(row for row in rows if row["name"] == "oracle")["cost"]
    return table(("", "micro-$", "misses %", "mean s", "cost beyond the oracle %"),
                 [(row["name"], f"{row['cost']:.0f}", percent(row["misses"], row["requests"]), f"{row['mean']:.3f}",
                   over(row["cost"], best)) for row in rows])


def values(rows, key, form):
    return [(row["name"], row[key], form.format(row[key])) for row in rows]


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 64
    rows = json.load(open(sys.argv[1], encoding="utf-8"))["rows"]
    docs = sys.argv[2]
    policies, hedging, affinity = group(rows, POLICY), group(rows, HEDGING), group(rows, AFFINITY)
    best = {row["name"]: row for row in policies}
    write(os.path.join(docs, "routing-latency.svg"),
          bars("First token at the 95th percentile, seconds; the line: an oracle", values(policies, "p95", "{:.2f}"),
               best["oracle: latency"]["p95"]))
    write(os.path.join(docs, "routing-cost.svg"),
          bars("Micro-dollars a request; the line: an oracle", values(policies, "cost", "{:.0f}"),
               best["oracle: cost"]["cost"]))
    write(os.path.join(docs, "routing-hedging.svg"),
          grouped_bars("Hedging before a heavy-tailed target", [("p95, seconds", values(hedging, "p95", "{:.2f}")),
                                                                ("p99, seconds", values(hedging, "p99", "{:.2f}"))]))
    write(os.path.join(docs, "routing-affinity.svg"),
          bars("Input cost of sessions of eight turns, micro-dollars a request", values(affinity, "input_cost", "{:.0f}"),
               max(row["input_cost"] for row in affinity)))
    tables = {"policies": policy_table(policies), "brown-out": brown_out_table(group(rows, BROWN_OUT)),
              "hedging": hedging_table(hedging), "affinity": affinity_table(affinity),
              "difficulty": difficulty_table(group(rows, DIFFICULTY))}
    path = os.path.join(docs, "routing.md")
    text = open(path, encoding="utf-8").read()
    for name, lines in tables.items():
        begin, end = f"<!-- simulated {name}: begin -->", f"<!-- simulated {name}: end -->"
        text = re.sub(re.escape(begin) + ".*?" + re.escape(end), begin + "\n" + lines.replace("\\", "\\\\") + "\n" + end, text,
                      flags=re.S)
    write(path, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

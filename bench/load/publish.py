#!/usr/bin/env python3
"""Writes figures into README.md and docs/performance.md, between markers, and the plots beside them.

  bench/load/publish.py DIR      DIR: results.json (run.py --publish), instructions.json (instructions.sh --json),
                                 peers.json (peers/run.py --publish); what is missing leaves its tables as they are
  ... --check DIR                writes nothing; fails where a page doesn't say what the files say

A marker is `<!-- numbers NAME: begin -->` ... `<!-- numbers NAME: end -->`; README's has no name.
"""

import json
import pathlib
import re
import sys
import textwrap

import plot
from figures import number, ratio
from measure import NOISY

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/performance.md")

# (what it is called, row, metric)
SUMMARY = (
    ("CPU per 1 KB request, one client, us", "1k-c1", "cpu_us"),
    ("CPU per 1 KB request, 64 clients, us", "1k-c64", "cpu_us"),
    ("CPU per 1 KB request, 512 clients, us", "1k-c512", "cpu_us"),
    ("CPU per 100 KB request, 64 clients, us", "100k-c64", "cpu_us"),
    ("CPU per chunk, 1,000 streams at 20 ms, us", "stream-1000x20ms", "cpu_us"),
    ("CPU per chunk, 64 streams at full speed, us", "stream-64-full", "cpu_us"),
    ("added latency at one client, p50, us", "1k-c1", "added_p50_us"),
    ("added latency at one client, p99, us", "1k-c1", "added_p99_us"),
    ("memory per open stream, KiB", "hold-5000", "stream_kib"),
    ("resident at rest, MiB", "hold-5000", "rest_mib"),
)
WITH_TLS = {"hold-5000": "hold-1000-tls"}
PRESSURE = (
    ("streams open at once, a chunk per second each", "hold-10000", "streams"),
    ("longest gap between two chunks of a stream, ms", "hold-10000", "gap_ms"),
    ("CPU per chunk, us", "hold-10000", "cpu_us"),
    ("memory per open stream, KiB", "hold-10000", "stream_kib"),
    ("cost of a request with 1,000 idle streams, with none = 1", "1k-c64-with-1000-streams", "times_base"),
    ("the same with 10,000", "1k-c64-with-10000-streams", "times_base"),
    ("cost of a request with 100 models, with one = 1", "1k-c64-models-100", "times_base"),
    ("the same with 1,000", "1k-c64-models-1000", "times_base"),
    ("resident before 512 x 100 KB in flight, MiB", "give-back", "rest_mib"),
    ("at the peak, MiB", "give-back", "peak_mib"),
    ("10 s after, MiB", "give-back", "after_mib"),
    ("1,000 clients that stop reading: resident per client, KiB", "slow-readers-1000", "user_kib"),
    ("and in socket buffers, KiB", "slow-readers-1000", "kernel_kib"),
    ("1,000 clients that write a byte per second: resident per client, KiB", "slow-writers-1000", "user_kib"),
    ("and in socket buffers, KiB", "slow-writers-1000", "kernel_kib"),
    ("still open after 16 s", "slow-writers-1000", "open_after"),
)
PEER_ROWS = (
    ("CPU per 1 KB request, one client, us", "1k-c1", "cpu_us"),
    ("added latency at one client, p50, us", "1k-c1", "added_p50_us"),
    ("added latency at one client, p99, us", "1k-c1", "added_p99_us"),
    ("CPU per 1 KB request, 64 clients, us", "1k-c64", "cpu_us"),
    ("requests per second, 64 clients", "1k-c64", "per_second"),
    ("CPU per streamed chunk, us", "stream-50x100ms", "cpu_us"),
    ("time to the first event, p50 of 50 streams at once, us", "stream-50x100ms", "p50_us"),
    ("memory per open stream, KiB", "hold-200", "stream_kib"),
    ("resident at rest, MiB", "hold-200", "rest_mib"),
)
NAMES = {"nginx": "nginx", "sluice": "Sluice", "haproxy": "HAProxy", "litellm": "LiteLLM", "portkey": "Portkey",
         "bifrost": "Bifrost"}


def table(head, lines):
    return "\n".join(["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1),
                      *("| " + " | ".join(line) + " |" for line in lines)])


def quotient(value):
    return f"{value:.2f}" if value is not None else "-"


def wrapped(text):
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def values(report, row, metric):
    return report["summary"].get(row, {}).get(metric, {})


def origin(report):
    machine, versions = report["machine"], report["versions"]
    changed = " with changes" if report.get("changed_files") else ""
    programs = ", ".join(f"{NAMES.get(name, name)} {text}" for name, text in versions.items()
                         if name != "sluice" and text and " " not in text)
    return wrapped(f"{report['date'][:10]}, commit {report['commit']}{changed}, {machine['cpu']}, {machine['cpus']} CPUs, kernel "
            f"{machine['kernel'].split('-')[0]}, {programs}. Made by `{report['command']}`.")


def noisy_rows(report):
    return [name for name, row in report["summary"].items() if row.get("noise", 0) > NOISY]


def warnings(report):
    rows = noisy_rows(report)
    text = ""
    if rows:
        which = "all rows" if len(rows) == len(report["summary"]) else "the rows " + ", ".join(f"`{r}`" for r in rows)
        text += "\n\n" + wrapped(f"Other work used the CPUs during {which}: only ratios mean something there, and not much.")
    if report.get("remarks"):
        text += "\n\n" + wrapped("Went wrong in this run: " + "; ".join(report["remarks"]) + ".")
    return text


def note_lines(report, rows):
    notes = [note for note in report.get("notes", []) if note.split(":")[0] in rows]
    return "".join(f"\n\n`{note.split(':')[0]}`:{note.split(':', 1)[1]}." for note in notes)


# Whose ratio means nothing: counts, and what is a ratio already.
COUNTS, WITHOUT_RATIO = ("streams", "open_after"), ("streams", "open_after", "gap_ms", "times_base")


def compared(report, titles):
    """Lines of nginx, Sluice and their ratio."""
    lines = []
    for title, row, metric in titles:
        sides = values(report, row, metric)
        shown = (lambda value: f"{value:,.0f}" if value is not None else "-") if metric in COUNTS else number
        if sides:
            lines.append([title, shown(sides.get("nginx")), shown(sides.get("sluice")),
                          "" if metric in WITHOUT_RATIO else quotient(ratio(sides))])
    return table(["", "nginx", "Sluice", "ratio"], lines)


def summary_table(sources):
    report = sources["results"]
    lines = []
    for title, row, metric in SUMMARY:
        sides = values(report, row, metric)
        tls = values(report, WITH_TLS.get(row, row + "-tls"), metric)
        lines.append([title, number(sides.get("nginx")), number(sides.get("sluice")), quotient(ratio(sides)),
                      quotient(ratio(tls))])
    counted = sources.get("instructions", {}).get("counts", {})
    per_unit = "" if not counted else "\n\n" + wrapped(
        "Per unit, whatever else the machine does (`bench/instructions.sh`): {:,.0f} user instructions and {:.1f} system calls "
        "per 1 KB request, {:,.0f} and {:.1f} per paced chunk.".format(*(counted[f"{what}, {unit}"] for unit in (
            "1 KB request, c1", "paced chunk") for what in ("instructions", "system calls"))))
    return (wrapped("Sluice against nginx (`proxy_pass`, keep-alive, no buffering), one worker each, the same upstream, "
                    "interleaved in one run. Key check, JSON checks, usage metering, metrics and access log are on. The ratio is "
                    "what to look at: below 1 Sluice costs less.") + "\n\n"
            + table(["", "nginx", "Sluice", "ratio", "ratio with TLS on both sides"], lines)
            + f"\n\n{origin(report)}{warnings(report)}{per_unit}\n\n[Performance](docs/performance.md) has the method, the behaviour "
              "under pressure and other gateways.")


def plain(sources):
    report = sources["results"]
    return "![Sluice / nginx](performance.svg)\n\n" + compared(report, SUMMARY) + f"\n\n{origin(report)}{warnings(report)}"


def tls(sources):
    titles = [(title, WITH_TLS.get(row, row + "-tls"), metric) for title, row, metric in SUMMARY]
    return compared(sources["results"], titles)


def pressure(sources):
    report = sources["results"]
    return compared(report, PRESSURE) + note_lines(report, {row for _, row, _ in PRESSURE})


def counts(sources):
    report = sources["instructions"]
    lines = [[name, f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"] for name, value in report["counts"].items()]
    return (table(["per unit", "count"], lines) +
            f"\n\n{report['date'][:10]}, commit {report['commit']}. Made by `{report['command']}`.")


def peers(sources):
    report = sources["peers"]
    sides = report["sides"]
    lines = [[title, *(number(values(report, row, metric).get(side)) for side in sides)]
             for title, row, metric in PEER_ROWS if values(report, row, metric)]
    missing = "".join("\n\n" + wrapped(f"{NAMES.get(name, name)}: {why}.") for name, why in report["missing"].items())
    return "![Sluice and other gateways](peers.svg)\n\n" + table(["", *(NAMES.get(side, side) for side in sides)], lines) + missing + f"\n\n{origin(report)}{warnings(report)}"


# marker: (maker, the source it needs)
MAKERS = {"": (summary_table, "results"), "plain": (plain, "results"), "tls": (tls, "results"),
          "pressure": (pressure, "results"), "counts": (counts, "instructions"), "peers": (peers, "peers")}
MARKER = re.compile(r"(<!-- numbers ?(\w*): begin[^>]*-->\n).*?(<!-- numbers ?\2: end -->)", re.S)


def filled(text, sources):
    def replace(found):
        maker, source = MAKERS[found[2]]
        return f"{found[1]}{maker(sources)}\n{found[3]}" if source in sources else found[0]
    return MARKER.sub(replace, text)


def ratio_plot(report):
    bars = []
    for title, row, metric in SUMMARY:
        for name, key in ((title, row), (title + ", TLS", WITH_TLS.get(row, row + "-tls"))):
            value = ratio(values(report, key, metric))
            if value is not None:
                bars.append((re.sub(r", (us|KiB|MiB)\b", "", name), value, f"{value:.2f}"))
    return plot.bars("Sluice / nginx: below 1, Sluice costs less", bars, line=1.0)


def peer_plot(report):
    groups = []
    for title, row, metric in PEER_ROWS:
        found = values(report, row, metric)
        if metric in ("cpu_us", "stream_kib", "added_p50_us"):
            groups.append((title, [(NAMES.get(side, side), found[side], number(found[side])) for side in report["sides"]
                                   if found.get(side) and found[side] > 0]))
    return plot.grouped_bars("Sluice and other gateways (logarithmic; shorter is better)", groups)


def compact_json(report):
    """One line per measurement: a diff shows what changed."""
    def rounded(value):
        if isinstance(value, float):
            return round(value, 4)
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        return [rounded(item) for item in value] if isinstance(value, list) else value
    text = json.dumps(rounded(report), indent=1)
    return re.sub(r"\{[^{}\[\]]*\}|\[[^{}\[\]]*\]", lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text) + "\n"


def write(report, folder, name):
    """Keeps the report, without what only --json needs, as `folder`/`name`.json and publishes it."""
    folder.mkdir(parents=True, exist_ok=True)
    for measurement in (m for results in report["rows"].values() for ms in results.values() for m in ms):
        measurement.pop("load", None)
    (folder / f"{name}.json").write_text(compact_json(report))
    publish(folder)


def pages(folder):
    """{path: what it should hold}"""
    sources = {name: json.loads(path.read_text()) for name in ("results", "instructions", "peers")
               if (path := pathlib.Path(folder) / f"{name}.json").exists()}
    found = {ROOT / page: filled((ROOT / page).read_text(), sources) for page in PAGES}
    if "results" in sources:
        found[ROOT / "docs/performance.svg"] = ratio_plot(sources["results"])
    if "peers" in sources:
        found[ROOT / "docs/peers.svg"] = peer_plot(sources["peers"])
    return found


def publish(folder):
    for path, text in pages(folder).items():
        path.write_text(text)


def check(folder):
    wrong = [path for path, text in pages(folder).items() if not path.exists() or path.read_text() != text]
    for path in wrong:
        print(f"{path.relative_to(ROOT)} doesn't say what {folder} says; run bench/load/publish.py {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        sys.exit(check(sys.argv[2]))
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    publish(sys.argv[1])

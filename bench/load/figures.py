"""From measurements to figures: medians, ratios, and the table on the terminal."""

import statistics

import measure
from rows import CPU

SIDELESS = (CPU, "added_p50_us", "added_p99_us")  # mean nothing without a proxy


def calmest(measurements):
    """The 60 % of the rounds in which others used the least CPU."""
    good = sorted((m for m in measurements if "others" in m), key=lambda m: m["others"])
    return good[:max(1, round(len(good) * 0.6))]


def median_of(measurements, key):
    values = [m[key] for m in calmest(measurements) if key in m]
    return statistics.median(values) if values else None


def summary(row, results):
    """{metric: {side: median}}"""
    return {key: {side: median_of(ms, key) for side, ms in results.items() if side != "direct" or key not in SIDELESS}
            for key, _ in row.metrics}


def ratio(values, ours="sluice", theirs="nginx"):
    return values[ours] / values[theirs] if values.get(ours) is not None and values.get(theirs) else None


def noise(results):
    """The largest share of a CPU that others used in a round that counts."""
    return max((m["others"] for ms in results.values() for m in calmest(ms)), default=0)


def problems(row, results):
    return [f"{row.name}, {side}, round {number}: {text}" for side, measurements in results.items()
            for number, found in enumerate((m["problems"] for m in measurements), 1) for text in found]


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"


def table_lines(row, sides, results):
    """One line per metric."""
    mark = (" !" if problems(row, results) else "") + (" ~" if noise(results) > measure.NOISY else "")
    lines = []
    for key, values in summary(row, results).items():
        quotient = ratio(values)
        lines.append([row.name + mark, dict(row.metrics)[key], *(number(values.get(side)) for side in sides),
                      f"{quotient:.2f}" if quotient is not None else "-"])
    return lines


def print_table(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for index, line in enumerate(lines):
        cells = [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print("| " + " | ".join(cells) + " |")
        if index == 0:
            print("|" + "|".join("-" * (w + 2) if i < 2 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|")

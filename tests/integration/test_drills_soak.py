"""Drill of PROMISES R27: hours of ordinary work with ordinary faults, of which the long form does ten minutes."""

import os
import time

import pytest
from figures import percentile, record
from harness import FORGIVING, SLOW
from load import Load

FAULTS = '{"fail_ratio":0.05,"ttft":"5ms","fail_with":{"status":503}}'
CUT = '{"tokens":20,"per_token":"5ms","fail_ratio":0.05,"fail_with":{"cut_after_events":5}}'


def slope_per_hour(samples):
    """Least squares: (KiB an hour) of (seconds, KiB)."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread * 3600 if spread else 0


def capacity(gateway):
    """Requests a second."""
    with Load("json", gateway.data, "-c", 200, "--body-bytes", 2000, "--lab", FAULTS, seconds=5) as load:
        result = load.result()
    return result["requests"] / result["seconds"]


@pytest.mark.release_only
@pytest.mark.seconds(int(os.environ.get("SLUICE_SOAK_SECONDS", 900)) + 300)
def test_hours_of_work_leave_nothing_behind(start, lab, scale):
    """R27. `SLUICE_SOAK_SECONDS` makes it longer: the promise is two hours. `SLUICE_SOAK_RATE` requests a second instead of 70 % of what
    gateway, lab and load can do on this machine together."""
    gateway = start(defaults=FORGIVING, models={"fast": "lab/fast"}, telemetry={"access_log": "/dev/null"})
    seconds = int(os.environ.get("SLUICE_SOAK_SECONDS", scale(6, 600)))
    part = min(60, max(2, seconds // 20))
    rate = int(os.environ.get("SLUICE_SOAK_RATE", 0)) or scale(lambda: 200, lambda: int(0.7 * capacity(gateway)))()
    resident, descriptors, p99, requests, streams = [], [], [], 0, 0
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with Load("json", gateway.data, "-c", 200, "--rate", rate, "--body-bytes", 2000, "--lab", FAULTS, seconds=part) as load, \
                Load("stream", gateway.data, "-c", 60, "--opening", 4, "--lab", CUT, patience=part + 60) as broken:
            opened = broken.result()
            result = load.result()
        assert result["errors"] == 0, result
        requests, streams = requests + result["requests"], streams + opened["requests"]
        resident.append((time.monotonic() - began, gateway.rss_kib()))
        descriptors.append(gateway.descriptors())
        p99.append(result["latency_us"]["p99"] / 1e3)
    third = max(1, len(p99) // 3)
    settled = resident[third:] if len(resident) > 3 else resident  # pools and caches fill up first
    first, last = (percentile(each, 0.5) for each in (p99[:third], p99[-third:]))
    open_first, open_last = (percentile(each, 0.5) for each in (descriptors[:third], descriptors[-third:]))
    figures = record("R27", seconds=round(time.monotonic() - began), rate=rate, requests=requests, streams=streams, rss_kib=[kib for _, kib in resident],
                     slope_kib_per_hour=round(slope_per_hour(settled)), descriptors=descriptors, p99_first_ms=round(first, 2),
                     p99_last_ms=round(last, 2))
    assert open_last <= open_first * 1.5 + 80, figures  # as many as requests are under way at that moment
    assert settled[-1][1] - settled[0][1] <= scale(8192, 2048), figures
    assert last <= first * scale(5, 1.5) * SLOW + 5, figures

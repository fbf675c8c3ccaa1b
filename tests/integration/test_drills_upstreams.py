"""Drills of PROMISES R9 and R10: an upstream that fails is not made worse, and is used again soon after it is back."""

import contextlib
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from figures import record
from harness import FORGIVING, SLOW, Lab, chat_body, provider, request_bytes, wait_until
from load import Load

NO_LOG = {"access_log": "none"}
NEVER_OPENS = {"breaker": {"consecutive": 1_000_000, "min_requests": 1_000_000}}


@pytest.mark.seconds(400)
@pytest.mark.parametrize("percent", [10, 50, 100])
def test_a_brown_out_is_not_made_worse(start, lab, scale, percent):
    """R9: so many of the answers are 503; the upstream sees at most 1.1 times the load and one more a second."""
    gateway = start(models={"fast": "lab/fast"}, defaults=NEVER_OPENS, telemetry=NO_LOG)
    lab.reset()
    lab.set(options={"fail_ratio": percent / 100, "fail_with": {"status": 503}})
    seconds = scale(3, 60)
    with Load("json", gateway.data, "-c", 400, "--rate", 150, "--body-bytes", 300, seconds=seconds) as load:
        result = load.result()
    attempts, seconds = lab.stats()["requests"], result["seconds"]
    lab.reset()
    bound = result["requests"] * 1.10 + seconds + 10  # the second's share is saved up for ten seconds
    record("R9", failing_percent=percent, seconds=round(seconds, 1), requests=result["requests"], per_second=round(result["requests"] / seconds),
           attempts=attempts, ratio=round(attempts / result["requests"], 3), bound=round(bound), statuses=result["statuses"])
    assert result["errors"] == 0 and result["requests"] >= 100 * seconds * 0.9
    assert attempts <= bound


@pytest.mark.seconds(200)
def test_an_open_breaker_lets_one_probe_pass_at_a_time(start, lab, scale):
    """R9: the upstream needs a second for each 503; two workers and 50 callers share one probe."""
    gateway = start(models={"fast": "lab/fast"}, telemetry=NO_LOG, server={"workers": 2},
                    defaults={"retry": {"attempts": 0}, "breaker": {"open_for": "500ms", "open_max": "500ms"}})
    lab.reset()
    lab.set(options={"status": 503, "ttft": "1s", "header_delay": "1s"})
    seconds = scale(4, 60)
    with Load("json", gateway.data, "-c", 50, "--rate", 100, "--body-bytes", 300, seconds=seconds + 3) as load:
        wait_until(lambda: gateway.metric("sluice_breaker_state", provider="lab") > 0, 10, what="the breaker opens")
        time.sleep(1.5 * SLOW)  # those that were under way end
        before, began = lab.stats()["requests"], time.monotonic()
        time.sleep(seconds)
        probes, watched = lab.stats()["requests"] - before, time.monotonic() - began
        load.result()
    lab.reset()
    record("R9 probes", seconds=round(watched, 1), probes=probes, one_at_a_time_allows=round(watched / 1.4 + 1, 1))
    assert 1 <= probes <= watched / 1.4 + 1  # a probe's second, and 0.4 s at least until the next


class Namespace:
    """A network namespace of the test's own, joined by a pair of interfaces: when the link is down, nothing answers."""

    number = 0

    def __init__(self):
        Namespace.number += 1
        self.name = f"sluice{os.getpid() % 10000}x{Namespace.number}"
        self.ours, self.theirs = f"sl{os.getpid() % 10000}a{Namespace.number}", f"sl{os.getpid() % 10000}b{Namespace.number}"
        net = f"10.213.{os.getpid() % 200}.{Namespace.number * 4}"
        base = net.rsplit(".", 1)
        self.gateway_side, self.address = (f"{base[0]}.{int(base[1]) + n}" for n in (1, 2))
        self._ip("netns", "add", self.name)
        self._ip("link", "add", self.ours, "type", "veth", "peer", "name", self.theirs, "netns", self.name)
        self._ip("addr", "add", f"{self.gateway_side}/30", "dev", self.ours)
        self._ip("link", "set", self.ours, "up")
        for command in (("addr", "add", f"{self.address}/30", "dev", self.theirs), ("link", "set", self.theirs, "up"), ("link", "set", "lo", "up")):
            self._ip("-n", self.name, *command)

    def _ip(self, *arguments):
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True)
        if done.returncode:
            raise OSError(done.stderr)

    def link(self, state):
        self._ip("-n", self.name, "link", "set", self.theirs, state)

    def enter(self):
        import ctypes

        file = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        assert ctypes.CDLL(None).setns(file, 0x40000000) == 0
        os.close(file)

    def remove(self):
        with contextlib.suppress(OSError):
            self._ip("netns", "delete", self.name)

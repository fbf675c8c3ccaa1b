"""Drills of PROMISES R9 and R10: an upstream that fails is not made worse, and is used again soon after it is back."""

import contextlib
import ctypes
import os
import socket
import subprocess
import time

import pytest
from figures import record
from harness import BINARY, FORGIVING, SLOW, Lab, Process, provider, wait_until
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
    bound = result["requests"] * 1.10 + max(seconds, 10)  # ten may come at once
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
    with Load("json", gateway.data, "-c", 50, "--rate", 100, "--body-bytes", 300, seconds=seconds + 2 + 1.5 * SLOW) as load:
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
        file = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        assert ctypes.CDLL(None).setns(file, 0x40000000) == 0
        os.close(file)

    def remove(self):
        with contextlib.suppress(OSError):
            self._ip("netns", "delete", self.name)


class FarLab(Process):
    """A lab in a namespace. Its outage is a link that is down: packets to it vanish."""

    def __init__(self, folder):
        self.space = Namespace()
        super().__init__([BINARY, "lab", "--listen", f"{self.space.address}:18080"], folder, "far-lab", preexec=self.space.enter)
        wait_until(self._accepts, 10, what="the far lab listens")

    def _accepts(self):
        with contextlib.suppress(OSError), socket.create_connection((self.space.address, 18080), 1):
            return True
        return False

    def url(self):
        return f"http://{self.space.address}:18080/v1"

    def stop(self):
        super().stop()
        self.space.remove()


OUTAGES = {
    "503": {"status": 503},
    "reset": {"reset_at": 0},
    "stall": {"header_delay": "forever"},
    "black hole": None,
}
PACED = '{"ttft":"20ms"}'


@pytest.mark.release_only
@pytest.mark.seconds(600)
@pytest.mark.parametrize("outage", list(OUTAGES))
def test_after_an_outage_the_target_is_used_again_soon_and_a_fallback_takes_over_at_once(start, lab, tmp_path, scale, outage):
    """R10: 200 calls a second. One gateway knows only the target that goes away, the other one has a second one."""
    seconds, rate = scale(3, 60), 200
    with contextlib.ExitStack() as stack:
        if outage == "black hole":
            try:
                target = stack.enter_context(FarLab(tmp_path))
            except OSError as error:
                pytest.skip(f"no network namespace can be made here: {error}")
            begin, end = (lambda state=state: target.space.link(state) for state in ("down", "up"))
        else:
            target = stack.enter_context(Lab(tmp_path, name="target"))
            begin, end = (lambda: target.set(options=OUTAGES[outage])), (lambda: target.set())
        short = {"timeout": {"first_token": "1s", "whole_answer": "1s", "connect": "500ms"}}
        alone = start(providers={"a": provider(target.url())}, models={"fast": "a/fast"}, defaults=short, telemetry=NO_LOG)
        safe = start(providers={"a": provider(target.url()), "b": provider(lab)}, telemetry=NO_LOG, defaults=short,
                     models={"fast": {"targets": ["a/fast", "b/fast"]}})

        def good(gateway, for_seconds):
            with Load("json", gateway.data, "-c", 400, "--rate", rate, "--body-bytes", 300, "--lab", PACED, seconds=for_seconds) as load:
                result = load.result()
            return result["statuses"].get("200", 0) / result["seconds"], result

        before, _ = good(alone, scale(2, 5))
        begin()
        outage_began = time.monotonic()
        with Load("json", safe.data, "-c", 8, "--body-bytes", 300, "--lab", PACED, seconds=seconds) as protected:
            _, during = good(alone, seconds)
            safe_result = protected.result()
        time.sleep(max(0, outage_began + seconds - time.monotonic()))
        end()
        back = time.monotonic()
        recovered = wait_until(lambda: good(alone, 1)[0] >= 0.95 * before and time.monotonic() - back, 30, step=0, what="the earlier rate")
        failed = sum(count for status, count in safe_result["statuses"].items() if status != "200") + safe_result["errors"]
        figures = record("R10", outage=outage, seconds=seconds, rate_before=round(before, 1), recovered_within_s=round(recovered, 1),
                         during=during["statuses"], refused_p99_ms=round(during["latency_us"]["p99"] / 1e3, 1),
                         with_fallback=safe_result["statuses"], failed_with_fallback=failed, connections=8)
        assert recovered <= 10 * SLOW + 1, figures  # the last second is the one that is measured
        assert failed <= 8 and safe_result["statuses"].get("200", 0) > 20, figures


@pytest.mark.seconds(120)
def test_an_open_target_gets_nothing_but_probes(start, lab, scale):
    """R10: with its breaker open a target is left alone, however many ask for it; who asks is told when to come again."""
    gateway = start(models={"fast": "lab/fast"}, telemetry=NO_LOG, defaults={"retry": {"attempts": 0}})
    lab.reset()
    lab.set(options={"status": 503})
    wait_until(lambda: gateway.chat().status and gateway.metric("sluice_breaker_state", provider="lab") == 2, 5, what="the breaker opens")
    before = lab.stats()["requests"]
    with Load("json", gateway.data, "-c", 20, "--rate", 500, "--body-bytes", 300, seconds=3) as load:  # the first probe comes after 4 s
        result = load.result()
    sent = lab.stats()["requests"] - before
    lab.reset()
    figures = record("R10 open", refused=result["statuses"], told_when=result["told_when"], sent_to_target=sent,
                     refused_p99_ms=round(result["latency_us"]["p99"] / 1e3, 2))
    assert set(result["statuses"]) == {"503"} and result["told_when"] == result["requests"], figures
    assert sent == 0, figures

"""Drill of R25: a disk that reports errors. A call is only made when its reservation is written, what was used is never
lost, and the ledger goes on by itself. The oracle is the lab: what it would charge, the ledger has."""

import shutil
import subprocess
import time

import pytest
from harness import CALLER_KEY, FORGIVING, Gateway, Lab, config, wait_until
from test_money import BEARER, PRICES, bill, command, nano, used

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

FAULTS = [
    "fdatasync:error=EIO",
    "fdatasync:error=EIO:when=1+3",
    "fdatasync:error=ENOSPC",
    "pwrite64:error=EIO",
    "pwrite64:error=EIO:when=1+7",
    "pwrite64:error=ENOSPC",
    "openat,fsync,fdatasync,pwrite64,ftruncate:error=EIO:when=1+2",
]


class Fault:
    """Makes the system calls of a running process fail."""

    def __init__(self, pid, inject, trace):
        self.strace = subprocess.Popen(["strace", "-f", "-p", str(pid), "-o", trace, "-e", f"inject={inject}", "-e",
                                        "trace=" + inject.split(":")[0]], stderr=subprocess.PIPE, text=True)
        if "attached" not in self.strace.stderr.readline():
            self.strace.kill()
            self.strace.wait()
            pytest.skip("strace may not trace here")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.strace.terminate()
        self.strace.communicate()


@pytest.mark.parametrize("inject", FAULTS)
def test_r25_errors_of_the_disk_refuse_calls_and_lose_nothing(tmp_path, inject):
    settings = {"keys": [{"name": "ci", "value": CALLER_KEY}], "prices": {"lab/fast": PRICES},
                "storage": {"database": f"sqlite://{tmp_path}/ledger.db"}}
    with Lab(tmp_path) as lab, Gateway(tmp_path, config(lab, models={"fast": "lab/fast"}, defaults=FORGIVING,
                                                        **settings)) as gateway:
        answers = []

        def ask(seconds):
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                begun = time.monotonic()
                answer = gateway.chat("fast", headers=BEARER)
                answers.append((answer.status, time.monotonic() - begun))
                assert answer.status == 200 or answer.json()["error"]["code"] == "ledger_unavailable", answer

        ask(0.3)
        with Fault(gateway.child.pid, inject, tmp_path / "trace"):
            ask(1.5)
        wait_until(lambda: gateway.chat("fast", headers=BEARER).status == 200, 10, what="the ledger works again")
        ask(0.3)
        assert answers[-1][0] == 200
        slowest = max((seconds for status, seconds in answers if status != 200), default=0)
        refused = sum(status != 200 for status, _ in answers)
        print(f"R25 {inject}: {refused} of {len(answers)} calls refused, the slowest within {slowest * 1000:.0f} ms")
        row = wait_until(lambda: used(gateway)["ci"]["open"] == 0 and used(gateway)["ci"])
        assert nano(row) == bill(lab)
        assert command(gateway, "ledger", "verify").startswith("ok")

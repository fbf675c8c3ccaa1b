"""Drill of R25: a disk that reports errors. A call is only made when its reservation is written, what was used is never
lost, and the ledger goes on by itself. The oracle is the lab: what it would charge, the ledger has."""

import shutil
import subprocess
import time

import pytest
from figures import percentile, record
from harness import CALLER_KEY, FORGIVING, SLOW, Gateway, Lab, config, wait_until
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


PARTS = {"median": 0.5, "p99": 0.99, "most": 1}


class Fault:
    """Makes the system calls of a running process fail; without an error it only traces them, which costs time, too."""

    def __init__(self, pid, calls, error, trace):
        inject = ["-e", f"inject={calls}:{error}"] if error else []
        self.strace = subprocess.Popen(["strace", "-f", "-p", str(pid), "-o", trace, *inject, "-e", f"trace={calls}"],
                                       stderr=subprocess.PIPE, text=True)
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
        calls, error = inject.split(":", 1)

        def ask(seconds):
            """Returns the times of those that were refused, and of those that were served."""
            first, until = len(answers), time.monotonic() + seconds
            while time.monotonic() < until:
                begun = time.monotonic()
                answer = gateway.chat("fast", headers=BEARER)
                answers.append((answer.status, time.monotonic() - begun))
                assert answer.status == 200 or answer.json()["error"]["code"] == "ledger_unavailable", answer
            return [[seconds for status, seconds in answers[first:] if (status == 200) == served] for served in (False, True)]

        assert ask(0.3)[0] == []
        with Fault(gateway.child.pid, calls, None, tmp_path / "trace"):
            none, traced = ask(0.7)
        assert none == []
        with Fault(gateway.child.pid, calls, error, tmp_path / "trace"):
            refused, _ = ask(1.5)
        wait_until(lambda: gateway.chat("fast", headers=BEARER).status == 200, 10, what="the ledger works again")
        ask(0.3)
        assert answers[-1][0] == 200
        figures = {f"{name}_{title}_ms": round(1000 * (percentile(times, part) or 0), 1)
                   for name, times in (("refused", refused), ("traced", traced)) for title, part in PARTS.items()}
        record("R25", fault=inject, calls=len(answers), refused=len(refused), **figures)
        # The slowest ones say how long strace, or the machine, stood in the way: so much is seen without a fault, too.
        assert figures["refused_p99_ms"] < 100 or SLOW > 1  # under a sanitizer strace stops far more than is asked for
        row = wait_until(lambda: used(gateway)["ci"]["open"] == 0 and used(gateway)["ci"])
        assert nano(row) == bill(lab)
        assert command(gateway, "ledger", "verify").startswith("ok")

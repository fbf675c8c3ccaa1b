"""A gateway that is upgraded: a chain of processes, each with the sockets of the one before."""

import contextlib
import ctypes
import json
import os
import signal
import time

from harness import SLOW, Gateway, wait_until

PR_SET_CHILD_SUBREAPER = 36


class UpgradedGateway(Gateway):
    """`pid` is the process that serves now, `pids` all that ever did. Orphans become children of the test run."""

    def __init__(self, *arguments, **options):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        super().__init__(*arguments, **options)
        self.port_file = self.config_path.with_suffix(".ports")
        self.pid = self.child.pid
        self.pids = [self.pid]

    def announced(self):
        with contextlib.suppress(OSError, ValueError):
            return json.loads(self.port_file.read_text())
        return {}

    def upgrade(self, seconds=20):
        """Asks for an upgrade, and waits until the new process says that it is ready."""
        os.kill(self.pid, signal.SIGUSR2)
        wait_until(lambda: self.announced().get("pid") not in self.pids, seconds, step=0.01, what="the new process is ready")
        ports = self.announced()
        self.pid = ports["pid"]
        self.pids.append(self.pid)
        self.data, self.admin = ports["data"], ports["admin"]
        return self.pid

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def running(self):
        """The processes that have not ended; those that have are reaped."""
        alive = []
        for pid in self.pids:
            if pid == self.child.pid:
                alive += [pid] * self.alive()
                continue
            try:
                alive += [pid] * (os.waitpid(pid, os.WNOHANG)[0] == 0)
            except ChildProcessError:
                with contextlib.suppress(OSError):  # a child of one that still drains
                    os.kill(pid, 0)
                    alive.append(pid)
        return alive

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGKILL):
            until = time.monotonic() + 5 * SLOW
            for pid in self.running():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            while self.running() and time.monotonic() < until:
                time.sleep(0.02)
        super().stop()

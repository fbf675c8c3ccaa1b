"""Processes of a bench: started on chosen CPUs, waited for, measured, stopped."""

import os
import pathlib
import signal
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """One server, with its children (nginx has a master and a worker). Its output goes to a file."""

    def __init__(self, name, command, cpus, log, ports, patience=15, environment=None):
        self.name, self.command, self.log, self.ports = name, command, pathlib.Path(log), ports
        with open(log, "wb") as out:
            self.popen = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env=environment, start_new_session=True,
                                          preexec_fn=lambda: os.sched_setaffinity(0, cpus))
        self.pids = [self.popen.pid]
        for port in ports:
            self.wait_for(port, patience)
        self.pids = with_children(self.popen.pid)

    def wait_for(self, port, patience):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.popen.poll() is not None:
                raise RuntimeError(f"{self.name} ended with status {self.popen.returncode}: {self.tail()}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.name} does not listen on port {port}: {self.tail()}")

    def tail(self):
        return self.log.read_text(errors="replace")[-600:].strip() or "(it said nothing)"

    def pin(self, cpus):
        for pid in self.pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), cpus)

    def cpu_ns(self):
        """User and system time of all threads, those that have ended included, in nanoseconds."""
        return sum(time.clock_gettime_ns(process_clock(pid)) for pid in self.pids)

    def resident_kib(self):
        """What the processes hold in memory; pages that several of them share count once."""
        field = "Pss" if len(self.pids) > 1 else "Rss"
        return sum(smaps_kib(pid, field) for pid in self.pids)

    def alive(self):
        return self.popen.poll() is None

    def stop(self):
        if self.alive():
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(5)
            except subprocess.TimeoutExpired:
                for pid in self.pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self.popen.wait()


def with_children(pid):
    time.sleep(0.1)  # a master has bound its port before it forks
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def process_clock(pid):
    return (~pid << 3) | 2  # the kernel's id for "CPU time of this process": what clock_getcpuclockid(3) returns


def smaps_kib(pid, field):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"no {field} of process {pid}")


def busy_ns():
    """CPU time that the whole machine has spent on anything, idling and waiting left out."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + irq + softirq + steal) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def wait_until_quiet(limit_seconds):
    """Waits until a fifth of a second passes with under 10 % of one CPU in use, or the limit is reached."""
    end = time.monotonic() + limit_seconds
    while time.monotonic() < end:
        before = busy_ns()
        time.sleep(0.2)
        if busy_ns() - before < 20_000_000:
            return

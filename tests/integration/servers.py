"""Real PostgreSQL and Redis servers for tests: each in a folder of its own, on a free port, stopped with its test.

    servers.py COMMAND...   runs COMMAND with SLUICE_TEST_POSTGRES and SLUICE_TEST_REDIS set; exit 77 without servers
"""

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

POSTGRES_FOLDERS = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
DATABASE_USER = "sluice"
DATABASE_PASSWORD = "open-sesame"


def program(name):
    """Where it is, or None. Debian keeps PostgreSQL's own programs out of PATH."""
    for folder in POSTGRES_FOLDERS:
        if os.access(f"{folder}/{name}", os.X_OK):
            return f"{folder}/{name}"
    return shutil.which(name)


def missing():
    """What is not installed, for the message of a skipped test."""
    return [name for name in ("initdb", "postgres", "redis-server") if not program(name)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process of ours with a port. Signals go to it and to nobody else."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sluice-server-"))
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def is_ready(self):
        raise NotImplementedError

    def user(self):
        return {}

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, **self.user())
        give_up = time.monotonic() + 20
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{self.command()[0]} did not start: {self.log()}")
            time.sleep(0.02)
        return self

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-2000:]

    def send(self, number):
        self.process.send_signal(number)

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    def stop(self, number=signal.SIGINT):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Server):
    """Keeps nothing on disk: a restart loses all of it."""

    def __init__(self, password=None):
        super().__init__()
        self.password = password

    @property
    def url(self):
        return f"redis://{f':{self.password}@' if self.password else ''}127.0.0.1:{self.port}/0"

    def command(self):
        protection = ["--requirepass", self.password] if self.password else []
        return [program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self.folder), *protection]

    def is_ready(self):
        with contextlib.suppress(OSError):
            return b"PONG" in self.ask("PING") or self.password is not None
        return False

    def ask(self, *words):
        """One command, as its raw answer (only short ones)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            for command in ([("AUTH", self.password)] if self.password else []) + [words]:
                text = f"*{len(command)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in command)
                connection.sendall(text.encode())
                answer = connection.recv(65536)
            return answer


class Postgres(Server):
    """Refuses to run as root: then it runs as Debian's user `postgres`, or as nobody."""

    def __init__(self):
        super().__init__()
        self.data = self.folder / "data"

    @property
    def url(self):
        return f"postgresql://{DATABASE_USER}:{DATABASE_PASSWORD}@127.0.0.1:{self.port}/postgres"

    def user(self):
        if os.getuid() != 0:
            return {}
        for name in ("postgres", "nobody"):
            with contextlib.suppress(KeyError):
                found = pwd.getpwnam(name)
                return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
        raise RuntimeError("there is no user to run PostgreSQL as")

    def command(self):
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "",
                    "max_connections": 50, "shared_buffers": "32MB", "log_min_messages": "warning"}
        return [program("postgres"), "-D", str(self.data),
                *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]

    def start(self):
        if not self.data.exists():
            self.initialise()
        return super().start()

    def initialise(self):
        password = self.folder / "password"
        password.write_text(DATABASE_PASSWORD)
        user = self.user()
        if user:
            for path in (self.folder, password):
                os.chown(path, user["user"], user["group"])
        subprocess.run([program("initdb"), "-D", self.data, "-U", DATABASE_USER, "--pwfile", password, "-A",
                        "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"], check=True,
                       stdout=subprocess.DEVNULL, cwd="/", **user)

    def is_ready(self):
        # The file's last line says "ready" once connections are taken.
        with contextlib.suppress(OSError, IndexError):
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False


def main():
    if missing():
        print("not installed:", *missing())
        return 77
    with Postgres() as postgres, Redis() as redis:
        environment = {**os.environ, "SLUICE_TEST_POSTGRES": postgres.url, "SLUICE_TEST_REDIS": redis.url,
                       "SLUICE_TEST_REDIS_PID": str(redis.process.pid)}
        return subprocess.run(sys.argv[1:], env=environment).returncode


if __name__ == "__main__":
    sys.exit(main())

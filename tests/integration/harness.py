"""The real gateway and the real lab, as processes on free ports, and a client that says exactly what it received.

Only the standard library. Every wait has a limit; every process that is started here is stopped by its own id.
"""

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SLUICE_BINARY", ROOT / "build/release/sluice"))
# A sanitized binary is several times slower: limits of time in tests grow by this, limits of behaviour don't.
SLOW = float(os.environ.get("SLUICE_TEST_SLOWNESS", "1"))

# Planted secrets: no log, metric or error may ever show one (tests/integration/test_secrets.py).
PROVIDER_KEY = "sk-canary-provider-7f3a9c51"
CALLER_KEY = "sk-canary-caller-2b8e6d04"
PROMPT = "canary-prompt-5d1c"

# Defaults for tests that are about something else than breakers and budgets.
FORGIVING = {
    "retry": {"backoff": "10ms..50ms", "max_extra_load": "100%"},
    "breaker": {"min_requests": 1_000_000, "consecutive": 1_000_000},
}

# The environment that SDKs would be configured by must not leak into a gateway under test.
PRIVATE = re.compile(r"(_API_KEY|_BASE_URL|_PROXY|^SLUICE_|^NOTIFY_SOCKET$)", re.I)


def clean_environment(**extra):
    kept = {name: value for name, value in os.environ.items() if not PRIVATE.search(name)}
    kept.setdefault("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0:exitcode=99")
    kept.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    kept.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1:exitcode=99")
    return {**kept, **{name: value for name, value in extra.items() if value is not None}}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, seconds=5.0, step=0.02, what="condition"):
    """The first true value of `condition()`; AssertionError when the time is up."""
    until = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds * SLOW:.1f} s: {what}; last value {value!r}")
        time.sleep(step)


def die_with_parent():
    """In the child: the kernel ends it when the test run is ended, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """One child with its output in files. Its own process group is not needed: it has no children."""

    def __init__(self, arguments, folder, name, env=None, preexec=None):
        self.folder = Path(folder)
        self.out_path, self.err_path = self.folder / f"{name}.out", self.folder / f"{name}.err"
        self.name = name
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                env=clean_environment(**(env or {})), cwd=self.folder, preexec_fn=lambda: (die_with_parent(), preexec and preexec()),
            )

    @property
    def out(self):
        return self.out_path.read_text(errors="replace")

    @property
    def err(self):
        return self.err_path.read_text(errors="replace")

    def alive(self):
        return self.child.poll() is None

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, seconds=10.0):
        try:
            return self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds * SLOW} s; stderr:\n{self.err[-2000:]}") from None

    def stop(self):
        """Ends it the hard way if it does not go by itself; a sanitizer's report fails the test."""
        until = time.monotonic() + 5 * SLOW
        while self.alive() and time.monotonic() < until:
            self.signal(signal.SIGTERM)  # the second one ends it at once; two that are sent together arrive as one
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(0.05)
        if self.alive():
            self.child.kill()
            self.child.wait()
        assert_no_sanitizer_report(self)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()

    def rss_kib(self):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))


def assert_no_sanitizer_report(process):
    report = re.search(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|UndefinedBehavior)[^\n]*", process.err)
    assert not report, f"{process.name}: {process.err[report.start() : report.start() + 4000]}"


class Lab(Process):
    """`sluice lab` on a free port. Scenario models and `lab` members of a request say how it misbehaves."""

    def __init__(self, folder, *arguments, name="lab", port=None):
        self.port = port or free_port()
        super().__init__([BINARY, "lab", "--listen", f"127.0.0.1:{self.port}", *arguments], folder, name)
        wait_until(self._accepts, 10, what=f"the lab listens; stderr: {self.err}")

    def _accepts(self):
        assert self.alive(), f"the lab ended with {self.child.returncode}: {self.err}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def url(self, scenario=None):
        return f"http://127.0.0.1:{self.port}" + (f"/with/{scenario}" if scenario else "") + "/v1"

    def models(self, prefix="", **more):
        """A model for each scenario of the lab's, under the scenario's name."""
        names = [model["id"] for model in ask(self.port, "GET", "/v1/models").json()["data"]]
        return {prefix + name: {"targets": [f"lab/{name}"], **more} if more else f"lab/{name}" for name in names}

    def control(self, page, body=None):
        answer = ask(self.port, "GET" if body is None else "POST", f"/lab/{page}", body=body)
        assert answer.status == 200, answer
        return answer.json()

    def stats(self):
        return self.control("stats")

    def last(self):
        """The newest request that the lab answered or is answering: method, target, headers, body."""
        newest = self.control("last")
        newest = newest[0] if isinstance(newest, list) else newest
        newest = newest.get("requests", [newest])[0] if isinstance(newest, dict) else newest
        headers = newest["headers"]
        if isinstance(headers, list):
            headers = dict(headers)
        newest["headers"] = {name.lower(): value for name, value in headers.items()}
        return newest

    def recent(self):
        newest = self.control("recent")
        return newest.get("requests", newest) if isinstance(newest, dict) else newest

    def reset(self):
        self.control("reset", {})

    def set(self, **scenario):
        """An outage over everything until reset(): options=..., scenario=..., models=[...], listener=..."""
        self.control("scenario", scenario)


class Gateway(Process):
    """`sluice run` with a configuration (a dictionary, a text or a file of one), ready when the constructor returns."""

    def __init__(self, folder, config, name="gateway", env=None, arguments=(), preexec=None, under=()):
        """`under`: a command that runs it, such as strace or valgrind, and passes signals on."""
        self.folder = Path(folder)
        if isinstance(config, Path):
            self.config_path = config
        else:
            self.config_path = self.folder / f"{name}.yaml"
            self.write_config(config)
        env = {"SLUICE_DATA_DIR": str(self.folder / f"{name}.data"), **(env or {})}  # never the home directory
        port_file = self.folder / f"{name}.ports"
        port_file.unlink(missing_ok=True)
        super().__init__([*under, BINARY, "run", "-c", self.config_path, "--port-file", port_file, *arguments], folder, name,
                         env=env, preexec=preexec)
        ports = json.loads(wait_until(lambda: self._ports(port_file), 120 if under else 15, what="the gateway is ready"))
        self.data, self.admin = ports["data"], ports["admin"]

    def _ports(self, port_file):
        assert self.alive(), f"the gateway ended with {self.child.returncode}: {self.err}\n{self.out}"
        text = port_file.read_text() if port_file.exists() else ""
        return text if text.strip().endswith("}") else ""

    def write_config(self, config):
        """JSON is YAML: a test writes plain dictionaries. Replaced in one step, as editors and Kubernetes do."""
        text = config if isinstance(config, str) else json.dumps(config, indent=2)
        fresh = self.config_path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.config_path)

    def ask(self, method, target, **options):
        return ask(self.data, method, target, **options)

    def chat(self, model="fast", prompt=PROMPT, stream=False, lab=None, headers=None, timeout=15, **members):
        return self.ask("POST", "/v1/chat/completions", headers=headers, timeout=timeout,
                        body=chat_body(model, prompt, stream, lab, **members))

    def raw(self, timeout=10):
        return Connection(self.data, timeout)

    def metrics(self):
        answer = ask(self.admin, "GET", "/metrics")
        assert answer.status == 200, answer
        return parse_metrics(answer.text)

    def metric(self, name, **labels):
        """The sum of all series of `name` that carry `labels`."""
        return sum(value for (series, have), value in self.metrics().items()
                   if series == name and labels.items() <= dict(have).items())

    def ready(self):
        return ask(self.admin, "GET", "/readyz").status == 200

    def access_log(self):
        """The access log's lines so far, as objects."""
        lines = [line for line in self.out.splitlines() if line.startswith("{")]
        return [entry for entry in map(json.loads, lines) if entry.get("msg") == "request"]

    def logged(self, request_id):
        return wait_until(lambda: [e for e in self.access_log() if e.get("request_id") == request_id], 3,
                          what=f"an access log line of {request_id}")[0]


def config(lab, *, models=None, server=None, providers=None, defaults=None, keys=None, **more):
    """A configuration with the lab as provider `lab`, and every scenario of the lab's as a model."""
    written = {
        "version": 1,
        "server": {"listen": "127.0.0.1:0", "admin_listen": "127.0.0.1:0", **(server or {})},
        "providers": providers or {"lab": provider(lab)},
        "models": models or {"meta/llama-3": "lab/fast", **lab.models()},
        "telemetry": {"log": {"format": "json", "level": "debug"}},
    }
    if defaults:
        written["defaults"] = defaults
    if keys:
        written["keys"] = keys
    return {**written, **more}


def provider(lab, scenario=None, **more):
    url = lab if isinstance(lab, str) else lab.url(scenario)
    return {"type": "openai", "base_url": url, "api_key": PROVIDER_KEY, **more}


def isolated(lab, names, prefix="", **model):
    """(providers, models) with a provider of its own for each scenario, so that a credential which is benched after
    one scenario's 401 or 429 is not missing in the next."""
    provider_of = {name: re.sub(r"[^a-z0-9-]", "-", f"{prefix}{name}-only".lower()) for name in names}
    providers = {provider_of[name]: provider(lab) for name in names}
    models = {prefix + name: {"targets": [f"{provider_of[name]}/{name}"], **model} for name in names}
    return providers, models


def chat_body(model="fast", prompt=PROMPT, stream=False, lab=None, **members):
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], **members}
    if stream:
        body["stream"] = True
    if lab:
        body["lab"] = lab
    return body


# --- a client that hides nothing -----------------------------------------------------------------------------------


@dataclass
class Answer:
    status: int
    reason: str
    headers: list  # of (lower-case name, value)
    body: bytes = b""
    closed: bool = False  # the server closed the connection behind it
    pieces: list = field(default_factory=list)  # of (seconds since the request, bytes) for chunked bodies
    complete: bool = True  # the body reached its boundary

    def header(self, name):
        found = [value for each, value in self.headers if each == name]
        assert len(found) < 2, f"{name} twice: {found}"
        return found[0] if found else None

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        """The error object, after checking that it is complete."""
        assert (self.header("content-type") or "").startswith("application/json"), self
        assert self.header("x-request-id"), self
        error = self.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}, error
        assert error["message"] and "\n" not in error["message"], error
        return error

    @property
    def events(self):
        return parse_events(self.body)

    @property
    def content(self):
        """The text of the answer, streamed or not."""
        if (self.header("content-type") or "").startswith("text/event-stream"):
            return "".join(choice["delta"].get("content") or ""
                           for event in self.events for choice in event.get("choices", []))
        return self.json()["choices"][0]["message"]["content"]

    @property
    def finished(self):
        return self.body.rstrip().endswith(b"data: [DONE]")


def parse_events(body):
    """Every `data:` of an event stream but [DONE], parsed. Comments are dropped; anything else fails."""
    events = []
    for block in re.split(r"\r\n\r\n|\n\n|\r\r", body.decode()):
        lines = [line for line in re.split(r"\r\n|\n|\r", block) if line and not line.startswith(":")]
        data = [line[5:].removeprefix(" ") for line in lines if line.startswith("data:")]
        assert all(re.match(r"(data|event|id|retry):", line) for line in lines), block
        if data and data != ["[DONE]"]:
            events.append(json.loads("\n".join(data)))
    return events


class Closed(Exception):
    """The peer closed where an answer was expected."""


class Connection:
    """A socket, and a strict reader of HTTP/1.1 answers."""

    def __init__(self, port, timeout=10, context=None, host="127.0.0.1", receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout * SLOW)
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.buffer = b""
        self.sent_at = time.monotonic()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.sent_at = time.monotonic()
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def send_slowly(self, data, size=1, pause=0.0):
        for start in range(0, len(data), size):
            self.send(data[start : start + size])
            if pause:
                time.sleep(pause)
        return self

    def receive(self):
        """More bytes into the buffer; False at the end."""
        try:
            piece = self.socket.recv(65536)
        except ConnectionResetError:
            piece = b""
        self.buffer += piece
        return bool(piece)

    def _line(self):
        while b"\r\n" not in self.buffer:
            if not self.receive():
                raise Closed(f"inside a line: {self.buffer!r}")
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        assert b"\n" not in line and b"\r" not in line, line
        return line.decode("latin-1")

    def _bytes(self, count):
        while len(self.buffer) < count:
            if not self.receive():
                raise Closed(f"{count - len(self.buffer)} bytes are missing")
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def read_head(self):
        version, status, reason = (self._line() + " ").split(" ", 2)
        assert version in ("HTTP/1.1", "HTTP/1.0"), version
        headers = []
        while line := self._line():
            name, value = line.split(":", 1)
            headers.append((name.lower(), value.strip()))
        return Answer(int(status), reason.strip(), headers)

    def read_chunk(self):
        """One chunk of a chunked body; empty at its end."""
        size = int(self._line(), 16)
        data = self._bytes(size)
        assert self._line() == "", "a chunk is longer than it says"
        return data

    def read(self, method="GET", interim=()):
        """One complete answer. Interim answers other than `interim` are not expected."""
        answer = self.read_head()
        while answer.status < 200:
            assert answer.status in interim, answer
            answer = self.read_head()
        if method == "HEAD" or answer.status in (204, 304):
            return self._ended(answer)
        coding, length = answer.header("transfer-encoding"), answer.header("content-length")
        assert not (coding and length), answer
        try:
            if coding:
                assert coding == "chunked", coding
                while data := self.read_chunk():
                    answer.pieces.append((time.monotonic() - self.sent_at, data))
            elif length is not None:
                answer.body = self._bytes(int(length))
            else:
                while self.receive():
                    pass
                answer.body, self.buffer = self.buffer, b""
        except Closed:
            answer.complete = False
            answer.body += self.buffer if not coding else b""
        if coding:
            answer.body = b"".join(data for _, data in answer.pieces)  # at the end: adding up 100,000 chunks is quadratic
        return self._ended(answer)

    def _ended(self, answer):
        answer.closed = "close" in (answer.header("connection") or "").lower()
        return answer

    def at_end(self, seconds=2.0):
        """True if the peer closes without another byte; False if it keeps the connection open so long."""
        self.socket.settimeout(seconds * SLOW)
        try:
            more = self.receive()
        except (TimeoutError, ssl.SSLError):
            return False
        assert not self.buffer, f"unexpected bytes: {self.buffer!r}"
        return not more


def request_bytes(method, target, headers=None, body=None, version="HTTP/1.1"):
    fields = {"Host": "127.0.0.1"}
    data = b""
    if body is not None:
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    for name, value in (headers or {}).items():
        fields = {each: old for each, old in fields.items() if each.lower() != name.lower()}
        if value is not None:
            fields[name] = value
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + data


def ask(port, method, target, headers=None, body=None, timeout=15, context=None):
    """One request on a connection of its own."""
    with Connection(port, timeout, context) as connection:
        connection.send(request_bytes(method, target, headers, body))
        return connection.read(method)


def parse_metrics(text):
    """{(name, ((label, value), ...)): number} of a page in the Prometheus text format."""
    series = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)', line)
            assert match, line
            labels = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or "")
            series[match[1], tuple(sorted(labels))] = float(match[3])
    return series


# --- certificates --------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority of this test run, made with openssl."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.certificate, self.key = self.folder / "ca.pem", self.folder / "ca.key"
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-days", "2", "-subj", "/CN=sluice test authority", "-keyout", self.key, "-out", self.certificate)

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr

    def issue(self, name, serial=None, sans="DNS:localhost,IP:127.0.0.1"):
        """(certificate file, key file) of a server called `name`."""
        stem = self.folder / name
        certificate, key, request, extra = (stem.with_suffix(s) for s in (".pem", ".key", ".csr", ".ext"))
        extra.write_text(f"subjectAltName={sans}\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                      "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-days", "2",
                      "-set_serial", str(serial or time.time_ns()), "-extfile", extra, "-out", certificate)
        return certificate, key

    def client_context(self):
        return ssl.create_default_context(cafile=str(self.certificate))

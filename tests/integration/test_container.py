"""The Dockerfile, built for real and run: a small image, nobody's user, healthy without curl."""

import contextlib
import json
import os
import shutil
import signal
import subprocess

import pytest
from harness import BINARY, ROOT, Process, ask, chat_body, wait_until
from test_start import listens, needs_default_ports

SCRIPT = ROOT / "tests/integration/container/build_and_run.sh"
pytestmark = [pytest.mark.seconds(1500),
              pytest.mark.skipif("SLUICE_SKIP_CONTAINER" in os.environ, reason="SLUICE_SKIP_CONTAINER is set"),
              pytest.mark.skipif(BINARY != ROOT / "build/release/sluice", reason="the image is built once, from the release")]


@pytest.fixture(scope="module")
def container():
    done = subprocess.run(["bash", SCRIPT, "build"], capture_output=True, text=True, timeout=1400)
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr[-3000:]
    name = done.stdout.split()[-1]
    yield name
    subprocess.run(["bash", SCRIPT, "remove", name], timeout=60, capture_output=True)


@pytest.fixture(scope="module")
def image(container):
    said = subprocess.run(["buildah", "inspect", "--type", "image", "localhost/sluice:test"], capture_output=True, text=True,
                          timeout=60, check=True).stdout
    return json.loads(said)["Docker"]


def test_the_image_says_what_it_is(image):
    settings = image["config"]
    assert settings["User"] == "65532:65532"
    assert settings["Entrypoint"] == ["/usr/bin/sluice"]
    assert set(settings["ExposedPorts"]) == {"8080/tcp", "9090/tcp"}
    assert settings["Healthcheck"]["Test"] == ["CMD", "/usr/bin/sluice", "health"]
    assert settings["StopSignal"] == "SIGTERM"
    assert settings["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_image_holds_the_gateway_and_nothing_else(container):
    root = subprocess.run(["buildah", "mount", container], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    try:
        files = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names]
        size = sum(os.lstat(path).st_size for path in files)
        programs = [path.removeprefix(root) for path in files if "/bin/" in path]
        assert programs == ["/usr/bin/sluice"]
        assert size < 40 << 20, f"{size >> 20} MiB"
        assert not any(name in path for path in files for name in ("/sh", "apt", "python")
                       if path.endswith(name)), files
    finally:
        subprocess.run(["buildah", "umount", container], capture_output=True, timeout=60)


def test_the_image_brings_the_notices_of_everything_in_it(container):
    listed = (ROOT / "docs/reference/third-party.md").read_text()
    rows = [[cell.strip() for cell in row.split("|")] for row in listed.splitlines() if row.startswith("| `")]
    packages = {row[2] for row in rows if row[4] != "BSL-1.0"}  # which asks for none with a program
    root = subprocess.run(["buildah", "mount", container], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    try:
        missing = [name for name in packages if not os.path.isfile(f"{root}/usr/share/doc/{name}/copyright")]
        assert packages and missing == []
    finally:
        subprocess.run(["buildah", "umount", container], capture_output=True, timeout=60)


def test_the_version_runs_inside(container):
    done = subprocess.run(["bash", SCRIPT, "exec", container, "version"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip(), done.stderr


def test_the_container_serves_the_demo_and_is_healthy(container, tmp_path):
    needs_default_ports()
    if not shutil.which("buildah"):
        pytest.skip("buildah is not installed")
    with Process(["bash", SCRIPT, "exec", container, "run"], tmp_path, "container") as running, stopped_inside():
        wait_until(lambda: listens(8080) or not running.alive(), 20, what="port 8080")
        assert running.alive(), running.err
        assert ask(9090, "GET", "/healthz").status == 200
        answer = ask(8080, "POST", "/v1/chat/completions", body=chat_body("demo", stream=True), timeout=30)
        assert answer.finished and answer.content
        health = subprocess.run(["bash", SCRIPT, "exec", container, "health"], capture_output=True, text=True, timeout=60)
        assert health.returncode == 0, health.stderr
        owner = next(line for line in open(f"/proc/{gateway_pid()}/status") if line.startswith("Uid:")).split()[1]
        assert owner == "65532"


@contextlib.contextmanager
def stopped_inside():
    """A signal to buildah does not reach what it runs: ask the gateway itself to end."""
    try:
        yield
    finally:
        with contextlib.suppress(AssertionError, OSError):
            pid = int(gateway_pid())
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGTERM)


def gateway_pid():
    """The process that listens on 8080 from inside the container: the only `/usr/bin/sluice` of this test."""
    found = [pid for pid in os.listdir("/proc") if pid.isdigit() and command_of(pid)[:2] == ["/usr/bin/sluice", "run"]]
    assert len(found) == 1, found
    return found[0]


def command_of(pid):
    try:
        return open(f"/proc/{pid}/cmdline").read().split("\0")
    except OSError:
        return []

"""The first minute: no file, no key, no network; and the variables that SDKs use."""

import contextlib
import json
import socket
import subprocess
import time

import pytest
from harness import BINARY, ROOT, Process, ask, chat_body, clean_environment, config, wait_until


def free(*ports):
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def needs_default_ports():
    if not free(8080, 9090):
        pytest.skip("port 8080 or 9090 is in use on this machine")


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@pytest.fixture
def bare(tmp_path):
    """Starts a command in an empty folder with a clean environment, on the default ports."""
    needs_default_ports()
    running = []

    def bare(*arguments, env=None):
        running.append(Process(arguments, tmp_path, "bare", env=env))
        process = running[-1]
        wait_until(lambda: listens(8080) or not process.alive(), 15, what="port 8080")
        assert process.alive(), process.err
        return process

    yield bare
    for process in running:
        process.stop()


def test_without_file_and_key_it_serves_a_demo_model(bare):
    process = bare(BINARY, "run")
    listed = ask(8080, "GET", "/v1/models").json()["data"]
    assert listed
    model = "demo" if "demo" in [entry["id"] for entry in listed] else listed[0]["id"]
    answer = ask(8080, "POST", "/v1/chat/completions", body=chat_body(model, stream=True), timeout=30)
    assert answer.status == 200 and answer.finished and answer.content
    assert ask(9090, "GET", "/healthz").status == 200
    assert ask(9090, "GET", "/readyz").status == 200
    assert "127.0.0.1:8080" in process.err and "curl" in process.err


def test_up_sh_starts_the_gateway_from_anywhere(bare):
    if BINARY != ROOT / "build/release/sluice":
        pytest.skip("up.sh builds and starts the release")
    bare("bash", ROOT / "deploy/up.sh")
    assert ask(9090, "GET", "/healthz").status == 200


def test_the_readmes_first_command_line_works(bare):
    bare(BINARY, "run")
    done = subprocess.run([BINARY, "chat", "-m", "demo", "hello"], capture_output=True, text=True, timeout=30,
                          env=clean_environment())
    assert done.returncode == 0 and done.stdout.strip(), done.stderr
    assert subprocess.run([BINARY, "health"], timeout=10, env=clean_environment()).returncode == 0


@pytest.mark.parametrize("name", ["OPENAI", "OPENROUTER", "GROQ"])
def test_a_key_in_the_environment_makes_a_provider(bare, lab, name):
    env = {f"{name}_API_KEY": "sk-from-environment", f"{name}_BASE_URL": lab.url()}
    process = bare(BINARY, "run", env=env)
    wait_until(lambda: name.lower() in process.err.lower(), 5, what="the banner, which comes after the first accept")
    assert "sk-from-environment" not in process.err
    if name == "OPENAI":
        answer = ask(8080, "POST", "/v1/chat/completions", body=chat_body("fast"))
        assert answer.status == 200, answer
        assert lab.last()["headers"]["authorization"] == "Bearer sk-from-environment"


def test_a_file_in_the_folder_is_found(bare, lab, tmp_path):
    settings = config(lab, models={"found": "lab/fast"}, server={"listen": "127.0.0.1:8080", "admin_listen": "127.0.0.1:9090"})
    (tmp_path / "sluice.yaml").write_text(json.dumps(settings))
    bare(BINARY, "run")
    assert [model["id"] for model in ask(8080, "GET", "/v1/models").json()["data"]] == ["found"]


def test_it_is_ready_in_a_moment(bare):
    started = time.monotonic()
    bare(BINARY, "run")
    wait_until(lambda: ask(9090, "GET", "/readyz").status == 200, 5, what="ready")
    assert time.monotonic() - started < 2

"""The command line: what scripts and people rely on."""

import json
import re
import shutil
import socket
import subprocess

import pytest
from harness import BINARY, PROVIDER_KEY, ROOT, clean_environment, free_port


def run(*arguments, env=None, cwd=None, timeout=30):
    return subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=timeout, cwd=cwd,
                          stdin=subprocess.DEVNULL, env=clean_environment(**(env or {})))


GOOD = """\
version: 1
providers:
  lab: { type: openai, base_url: "http://127.0.0.1:1/v1", api_key: sk-x }
models:
  fast: lab/fast
"""

# text of the file -> line and column of the complaint, and a word that it must contain
WRONG = {
    "an unknown key": (GOOD + "serve: {}\n", (6, 1), "server"),
    "an unknown key inside": (GOOD.replace("base_url", "base_ulr"), (3, 24), "base_url"),
    "a key twice": (GOOD + "models: {}\n", (6, 1), "models"),
    "an unknown provider": (GOOD.replace("lab/fast", "lob/fast"), (5, 9), "lab"),
    "a bad unit": (GOOD + "server: { drain: { delay: 5 parsecs } }\n", (6, 27), "5 parsecs"),
    "a number without a unit": (GOOD + "server: { drain: { delay: 5 } }\n", (6, 27), "5"),
    "a list where a map belongs": (GOOD + "server: []\n", (6, 9), "server"),
    "a wrong version": (GOOD.replace("version: 1", "version: 7"), (1, 10), "1"),
    "a missing variable": (GOOD.replace("sk-x", "${NO_SUCH_VARIABLE_HERE}"), (3, None), "NO_SUCH_VARIABLE_HERE"),
    "a message for a missing variable": (GOOD.replace("sk-x", '"${NO_SUCH_VARIABLE_HERE:?ask the platform team}"'), (3, None), "ask the platform team"),
    "a missing file": (GOOD.replace("sk-x", "{ file: /no/such/file }"), (3, None), "/no/such/file"),
    "a cycle": (GOOD + "  a: b\n  b: a\n", (None, None), "a"),
    "broken YAML": (GOOD + "keys: [\n", (None, None), ""),
    "a feature of later": (GOOD + "compat: {}\n", (6, 1), "compat"),
}


@pytest.mark.parametrize("name", WRONG)
def test_check_points_at_the_mistake(tmp_path, name):
    text, (line, column), word = WRONG[name]
    path = tmp_path / "sluice.yaml"
    path.write_text(text)
    done = run("check", path)
    said = done.stdout + done.stderr
    assert done.returncode == 78, said
    places = re.findall(rf"{re.escape(path.name)}:(\d+):(\d+)", said)
    assert places, said
    if line:
        assert (str(line), str(column)) in places or (column is None and str(line) in [place[0] for place in places]), said
    assert word in said


def test_check_reports_every_mistake_at_once(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(GOOD.replace("lab/fast", "lob/fast") + "serve: {}\ntelemetri: {}\n")
    said = run("check", path)
    assert len(set(re.findall(r"sluice.yaml:(\d+):", said.stdout + said.stderr))) == 3


def test_check_is_silent_about_a_good_file(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(GOOD)
    assert run("check", path).returncode == 0


def test_check_reads_variables_and_defaults(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(GOOD.replace("sk-x", '"${LAB_KEY_FOR_TEST:-sk-default}"').replace("127.0.0.1:1", "${LAB_HOST_FOR_TEST}"))
    assert run("check", path).returncode == 78
    assert run("check", path, env={"LAB_HOST_FOR_TEST": "127.0.0.1:1"}).returncode == 0


@pytest.mark.parametrize("manifest", ["base/configmap.yaml", "sidecar/sidecar.yaml"])
def test_the_configuration_in_a_manifest_is_a_good_one(tmp_path, manifest):
    text = (ROOT / "deploy/kubernetes" / manifest).read_text()
    block = re.search(r"  sluice\.yaml: \|\n((?:    .*\n|\n)+)", text)[1]
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("openai", "openrouter", "team-key"):
        (secrets / name).write_text("sk-something-that-is-long-enough")
    path = tmp_path / "sluice.yaml"
    path.write_text(re.sub("^    ", "", block, flags=re.M).replace("/run/secrets/sluice", str(secrets)))
    done = run("check", path)
    assert done.returncode == 0, done.stdout + done.stderr


def yaml_blocks():
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if not page.exists():
            continue
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.M | re.S)):
            if "version: 1" in block:
                yield pytest.param(block, id=f"{page.name}-{number}")


@pytest.mark.parametrize("block", list(yaml_blocks()))
def test_each_complete_configuration_in_the_documents_is_a_good_one(tmp_path, block):
    secret = tmp_path / "secret"
    secret.write_text("sk-something-that-is-long-enough")
    path = tmp_path / "sluice.yaml"
    path.write_text(re.sub(r"file: [^ }\n]+", f"file: {secret}", block))
    variables = {name: "sk-something-that-is-long-enough" for name in re.findall(r"\$\{(\w+)", block)}
    variables |= {name: "sk-something-that-is-long-enough" for name in re.findall(r"env: (\w+)", block)}
    done = run("check", path, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_is_a_json_schema_that_forbids_the_unknown():
    schema = json.loads(run("config", "schema").stdout)
    assert "2020-12" in schema["$schema"]
    assert schema["additionalProperties"] is False
    assert {"version", "server", "providers", "models", "keys"} <= schema["properties"].keys()


def test_config_init_writes_a_file_that_is_good(tmp_path):
    done = run("config", "init", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    path = tmp_path / "sluice.yaml"
    if not path.exists():
        path.write_text(done.stdout)
    assert run("check", path, env={"OPENAI_API_KEY": "sk-x"}).returncode == 0


def test_config_show_tells_where_each_value_comes_from(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(GOOD + "server: { drain: { delay: 7s } }\n")
    said = run("config", "show", "--effective", "-c", path).stdout
    assert re.search(r"delay: 7s\s+#.*sluice\.yaml:6", said), said
    assert re.search(r"timeout: 25s\s+#.*default", said), said


@pytest.mark.parametrize("arguments", [["version"], ["--version"], ["--help"], ["run", "--help"], ["config", "--help"]])
def test_asking_is_answered_on_stdout(arguments):
    done = run(*arguments)
    assert done.returncode == 0 and done.stdout and not done.stderr


@pytest.mark.parametrize("arguments", [["runn"], ["run", "--no-such-flag"], ["check"]])
def test_wrong_usage_is_exit_2_with_a_hint(arguments):
    done = run(*arguments)
    assert done.returncode == 2, done
    assert done.stderr


def test_a_nearly_right_command_is_suggested():
    assert "check" in run("chekc").stderr


def test_a_missing_file_is_exit_78(tmp_path):
    done = run("run", "-c", tmp_path / "none.yaml")
    assert done.returncode == 78
    assert "none.yaml" in done.stderr


def test_a_port_in_use_is_a_clear_failure(tmp_path):
    path = tmp_path / "sluice.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path.write_text(GOOD + f"server: {{ listen: '127.0.0.1:{port}', admin_listen: '127.0.0.1:0' }}\n")
        done = run("run", "-c", path)
    assert done.returncode not in (0, 78)
    assert str(port) in done.stderr


def test_models_are_listed(gateway):
    done = run("models", "--base-url", f"http://127.0.0.1:{gateway.data}/v1")
    assert done.returncode == 0, done.stderr
    assert "meta/llama-3" in done.stdout.split()


def test_chat_streams_an_answer(gateway):
    done = run("chat", "--base-url", f"http://127.0.0.1:{gateway.data}/v1", "-m", "echo", "say this again")
    assert done.returncode == 0, done.stderr
    assert "say this again" in done.stdout


def test_chat_reports_a_failure_by_its_exit_code(gateway):
    done = run("chat", "--base-url", f"http://127.0.0.1:{gateway.data}/v1", "-m", "cut", "hello")
    assert done.returncode != 0 and done.stderr
    assert run("chat", "--base-url", f"http://127.0.0.1:{free_port()}/v1", "-m", "fast", "hello").returncode == 69


def test_health_is_an_exit_code(gateway):
    address = ["--admin-url", f"http://127.0.0.1:{gateway.admin}"]
    assert run("health", *address).returncode == 0
    assert run("health", "--ready", *address).returncode == 0
    assert run("health", "--admin-url", f"http://127.0.0.1:{free_port()}").returncode != 0


def test_the_banner_names_listeners_and_models_but_no_key(gateway):
    assert f"127.0.0.1:{gateway.data}" in gateway.err
    assert f"127.0.0.1:{gateway.admin}" in gateway.err
    assert PROVIDER_KEY not in gateway.err


def test_the_binary_links_few_libraries():
    if not shutil.which("ldd"):
        pytest.skip("there is no ldd")
    linked = subprocess.run(["ldd", BINARY], capture_output=True, text=True).stdout
    assert "not found" not in linked
    assert "python" not in linked and "sqlite" not in linked

"""`sluice import litellm` over the real binary: what it writes is good, and holds no secret."""

import json
import re
import shutil

import pytest
from harness import ROOT
from test_cli import run

FIXTURES = ROOT / "tests/fixtures/litellm"


def variables_of(text):
    return {name: "a-key-that-is-long-enough" for name in re.findall(r"\$\{(\w+)", text)}


@pytest.mark.parametrize("name, code", [("simple", 0), ("complete", 3)])
def test_what_is_written_passes_the_check(tmp_path, name, code):
    out = tmp_path / "sluice.yaml"
    done = run("import", "litellm", FIXTURES / f"{name}.yaml", "-o", out)
    assert done.returncode == code, done.stderr
    assert not done.stdout
    checked = run("check", out, env=variables_of(out.read_text()))
    assert checked.returncode == 0, checked.stdout + checked.stderr + out.read_text()


def test_no_secret_of_the_file_is_said_anywhere(tmp_path):
    out = tmp_path / "sluice.yaml"
    said = ""
    for arguments in ([], ["-o", out], ["--json"]):
        done = run("import", "litellm", FIXTURES / "complete.yaml", *arguments)
        said += done.stdout + done.stderr
    assert "literal-secret" not in said + out.read_text()
    assert "${TOGETHERAI_API_KEY}" in out.read_text() and "set the variable TOGETHERAI_API_KEY" in said


def test_what_is_left_stands_where_it_belongs_and_is_counted():
    done = run("import", "litellm", FIXTURES / "complete.yaml")
    left = int(re.search(r"(\d+) left as comments", done.stderr)[1])
    assert left == len(re.findall(r"^ *#   ", done.stdout, re.M)) == done.stderr.count("complete.yaml:")
    assert re.search(r"  gpt-4o:\n(    #.*\n)*    # complete.yaml:\d+: model_list\[0\].litellm_params.rpm: 600\n", done.stdout)
    report = json.loads(run("import", "litellm", FIXTURES / "complete.yaml", "--json").stdout)
    assert len(report["left"]) == left and report["models"] > 5 and report["translated"] > 20
    assert all(entry["line"] > 0 and entry["path"] and entry["why"] for entry in report["left"])


def test_the_models_are_served_by_the_right_targets(tmp_path):
    out = tmp_path / "sluice.yaml"
    run("import", "litellm", FIXTURES / "complete.yaml", "-o", out)
    rows = json.loads(run("models", "-c", out, "--json", env=variables_of(out.read_text())).stdout)
    targets = {}
    for row in rows:
        targets.setdefault(row["name"], []).append(f"{row['provider']}/{row['id']}")
    assert targets["gpt-4o"][:2] == ["openai/gpt-4o", "azure-legacy/gpt-4o-eu"], targets["gpt-4o"]
    assert targets["llama"][:3] == ["groq/llama-3.3-70b-versatile", "groq-2/llama-3.3-70b-versatile",
                                    "together/meta-llama/Llama-3.3-70B-Instruct-Turbo"]
    assert targets["own"] == ["custom/meta-llama/Llama-3.1-8B-Instruct"]
    assert targets["gpt-4"] == targets["gpt-4o"]
    assert any(name.startswith("openai/") for name in targets)


def test_wrong_files_are_refused_with_a_place(tmp_path):
    assert run("import", "litellm", tmp_path / "none.yaml").returncode == 2
    assert run("import").returncode == 2
    path = tmp_path / "config.yaml"
    for text, word in (("model_list: [\n", "config.yaml:"), ("a: b\n", "model_list")):
        path.write_text(text)
        done = run("import", "litellm", path)
        assert done.returncode == 78 and word in done.stderr and not done.stdout


def test_an_output_that_cannot_be_written_is_a_failure(tmp_path):
    shutil.copy(FIXTURES / "simple.yaml", tmp_path / "config.yaml")
    done = run("import", "litellm", tmp_path / "config.yaml", "-o", tmp_path / "no/such/folder.yaml")
    assert done.returncode == 1 and "folder.yaml" in done.stderr

"""`sluice migrate` and `sluice models`: what scripts and people rely on, over the real binary. Nothing is sent anywhere."""

import json
import re

import pytest
from harness import ROOT
from test_cli import GOOD, run

TRAFFIC = ROOT / "tests/fixtures/traffic/mixed.jsonl"
FROM, TO = "groq/llama-3.3-70b-versatile", "cerebras/llama-3.3-70b"
KEYS = {"CEREBRAS_API_KEY": "sk-x"}


def migrate(*arguments, source=FROM, target=TO, env=KEYS):
    return run("migrate", "--from", source, "--to", target, *arguments, env=env)


def report(*arguments, **sides):
    done = migrate("--json", *arguments, **sides)
    return json.loads(done.stdout), done


def test_a_switch_to_the_same_target_is_safe():
    done = migrate(target=FROM, env={"GROQ_API_KEY": "sk-x"})
    assert done.returncode == 0, done.stdout
    assert "\nsafe:" in done.stdout


def test_the_report_answers_the_questions_in_their_order():
    done = migrate()
    assert done.returncode == 3 and not done.stderr
    headings = re.findall(r"^\d\. (.*)$", done.stdout, re.M)
    assert headings == ["key and region", "model", "tools and input", "parameters", "limits", "price", "answers"]


def test_a_missing_key_is_a_warning_and_never_shown():
    without, _ = report(env={})
    assert any(finding["level"] == "warning" and "CEREBRAS_API_KEY is not set" in finding["text"] for finding in without["findings"])
    done = migrate(env={"CEREBRAS_API_KEY": "sk-canary-of-migrate"})
    assert "CEREBRAS_API_KEY is set" in done.stdout and "canary" not in done.stdout + done.stderr


def test_a_provider_alone_finds_the_same_model():
    found, done = report(target="cerebras")
    assert found["to"] == {"provider": "cerebras", "model": "llama-3.3-70b", "canonical": "llama-3.3-70b"}, done.stderr


def test_a_rule_of_the_target_says_how_bad_why_and_from_where():
    found, _ = report()
    temperature = next(finding for finding in found["findings"] if finding.get("field") == "temperature")
    assert temperature["topic"] == "parameters" and temperature["level"] == "changes"
    assert "1.5" in temperature["text"] and temperature["severity"] == "minor"
    assert temperature["why"] and re.search(r"20\d\d", temperature["source"])


def test_what_the_source_does_as_well_is_left_out():
    found, _ = report()
    assert not [finding for finding in found["findings"] if finding.get("field") == "n"], "both give one choice"


def test_prices_are_set_side_by_side():
    found, done = report()
    prices = [finding["text"] for finding in found["findings"] if finding["topic"] == "price"]
    assert any(FROM in text and "per million" in text for text in prices), done.stdout
    assert any(text.startswith("ratio: input ") for text in prices)


def test_traffic_is_counted_by_what_it_uses():
    found, done = report("--traffic", TRAFFIC)
    traffic = found["traffic"]
    assert (traffic["lines"], traffic["requests"], traffic["usage_only"], traffic["bad"]) == (11, 6, 1, 3), traffic
    assert [line["line"] for line in traffic["bad_lines"]] == [7, 8, 9]
    assert traffic["uses"] == {"tools": 1, "streaming_tools": 1, "tool_choice_required": 1, "images": 1, "json_schema": 0}
    fields = {(row["field"], row["change"]): row["requests"] for row in traffic["fields"]}
    assert fields[("temperature", "clamped")] == 1
    assert fields[("frequency_penalty", "dropped")] == fields[("presence_penalty", "dropped")] == 1
    assert traffic["refused_before"] == 1 and ("n", "refused") not in fields
    assert traffic["beyond"]["context"] == 1
    assert done.returncode == 4, "one request is beyond the context"


def test_recorded_usage_is_charged_exactly(tmp_path):
    path = tmp_path / "usage.jsonl"
    path.write_text('{"usage":{"prompt_tokens":1000000,"completion_tokens":100000}}\n' * 3)
    found, _ = report("--traffic", path)
    rows = json.loads(run("models", "-m", "llama-3.3-70b", "--json").stdout)
    prices = {row["provider"]: row["usd_per_million_tokens"] for row in rows if "usd_per_million_tokens" in row}
    for side, provider in (("from", "groq"), ("to", "cerebras")):
        expected = 3 * (float(prices[provider]["input"]) + float(prices[provider]["output"]) / 10)
        assert abs(float(found["traffic"]["cost_usd"][side]) - expected) < 1e-9
    assert found["traffic"]["usage"] == {"recorded": 3, "estimated": 0, "input_tokens": 3_000_000, "output_tokens": 300_000}


def test_traffic_without_trouble_is_no_more_than_a_note(tmp_path):
    path = tmp_path / "plain.jsonl"
    path.write_text('{"model":"m","messages":[{"role":"user","content":"hi"}]}\n')
    found, done = report("--traffic", path)
    assert done.returncode == 0, done.stdout
    assert found["verdict"] == "safe" and found["traffic"]["unchanged"] == 1


def test_traffic_comes_from_stdin_too_and_may_be_long(tmp_path):
    path = tmp_path / "long.jsonl"
    path.write_text('{"model":"m","messages":[{"role":"user","content":"%s"}],"seed":1}\n' % ("x" * 500) * 20_000)
    found, _ = report("--traffic", path)
    assert found["traffic"]["requests"] == 20_000
    assert report("--traffic", "-")[0]["traffic"]["lines"] == 0, "stdin is empty in this test"


@pytest.mark.parametrize("arguments, word", [
    (["--from", "grok/x", "--to", "groq"], "groq"),
    (["--from", "groq", "--to", "cerebras"], "groq/MODEL"),
    (["--from", "custom/mine", "--to", "cerebras"], "cerebras/MODEL"),
    (["--from", FROM, "--to", TO, "--traffic", "/no/such/file"], "/no/such/file"),
    (["--from", FROM], "--to"),
])
def test_wrong_usage_is_exit_2_and_says_what_would_be_right(arguments, word):
    done = run("migrate", *arguments)
    assert done.returncode == 2, done
    assert word in done.stderr


# --- sluice models ---------------------------------------------------------------------------------------------------


def test_the_catalogue_is_a_table_and_json():
    done = run("models", "--provider", "groq")
    assert done.returncode == 0 and done.stdout.startswith("PROVIDER ")
    assert all(line.startswith("groq ") for line in done.stdout.splitlines()[1:])
    rows = json.loads(run("models", "--provider", "groq", "--json").stdout)
    assert len(rows) == len(done.stdout.splitlines()) - 1
    row = next(row for row in rows if row["id"] == "llama-3.3-70b-versatile")
    assert row["canonical"] == "llama-3.3-70b" and row["context"] > 100_000 and row["capabilities"]["tools"] is True
    assert row["usd_per_million_tokens"].keys() >= {"input", "output", "source", "date"}


def test_tiers_are_in_both():
    rows = [row for row in json.loads(run("models", "--json").stdout) if "tiers" in row.get("usd_per_million_tokens", {})]
    assert rows
    tier = rows[0]["usd_per_million_tokens"]["tiers"][0]
    line = next(line for line in run("models").stdout.splitlines() if line.split()[:2] == [rows[0]["provider"], rows[0]["id"]])
    assert f"above {tier['above']}: {tier['input']} / {tier['output']}" in line


def test_a_configuration_lists_what_it_would_serve(tmp_path):
    path = tmp_path / "sluice.yaml"
    path.write_text(GOOD + "  'lab/*': lab/*\nprices: { lab/fast: { input: 1, output: 2, tiers: [{ above: 1k, input: 3, output: 4 }] } }\n")
    rows = json.loads(run("models", "-c", path, "--json").stdout)
    fast = next(row for row in rows if row["name"] == "fast")
    assert fast["usd_per_million_tokens"] == {"input": "1", "output": "2", "tiers": [{"above": 1000, "input": "3", "output": "4"}], "source": "configuration"}
    path.write_text("version: 1\n")
    assert run("models", "-c", path).returncode == 78


def test_what_is_not_there_is_said():
    assert run("models", "--model", "no-such-model-*").returncode == 1
    done = run("models", "--provider", "grok")
    assert done.returncode == 2 and "groq" in done.stderr

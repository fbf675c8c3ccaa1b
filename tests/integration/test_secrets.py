"""Keys, prompts and answers never appear where they do not belong, whatever goes wrong."""

import base64
import subprocess
import urllib.parse
from pathlib import Path

from harness import BINARY, CALLER_KEY, FORGIVING, PROMPT, PROVIDER_KEY, ask, clean_environment, isolated, wait_until

ANSWER = "canary-answer-91ce"
FAULTS = ["error-401", "error-403", "error-429", "error-500", "two-lengths", "html-200", "cut", "mid-error", "bad-json",
          "redirect", "ok-error", "fast", "comments", "no/such"]


def spellings(secret):
    raw = secret.encode()
    return {secret, base64.b64encode(raw).decode(), urllib.parse.quote(secret), raw.hex()}


def test_no_output_holds_a_secret(start, lab):
    providers, models = isolated(lab, [name for name in FAULTS if "/" not in name])
    gateway = start(keys=[{"name": "app", "value": CALLER_KEY}], providers=providers, models=models, defaults=FORGIVING)
    bearer = {"Authorization": f"Bearer {CALLER_KEY}"}
    answers = []
    for model in FAULTS:
        for stream in (False, True):
            answers.append(gateway.chat(model, stream=stream, headers=bearer, lab={
                "text": f"{ANSWER} and more words", "error_message": f"key {PROVIDER_KEY} is wrong"}))
    wrong = CALLER_KEY[:-1] + "x"
    answers.append(gateway.ask("GET", "/v1/models", headers={"Authorization": f"Bearer {wrong}"}))
    answers.append(gateway.ask("POST", "/v1/chat/completions", headers=bearer,
                               body=b'{"messages": "' + PROMPT.encode() + b'"'))
    wait_until(lambda: len(gateway.access_log()) >= len(answers), 5, what="all requests are logged")
    written = gateway.out + gateway.err + ask(gateway.admin, "GET", "/metrics").text
    written += Path(f"/proc/{gateway.child.pid}/cmdline").read_text()
    for secret in (CALLER_KEY, PROVIDER_KEY, PROMPT, ANSWER, wrong):
        for spelling in spellings(secret):
            assert spelling not in written, f"{secret} is in a log or a metric"
    refusals = "".join(answer.text for answer in answers if answer.status != 200)
    for secret in (CALLER_KEY, PROVIDER_KEY, PROMPT):
        assert secret not in refusals, f"{secret} is in an error"


def test_the_shown_configuration_is_redacted(start):
    gateway = start(keys=[{"name": "app", "value": CALLER_KEY}])
    for arguments in (["--effective"], []):
        done = subprocess.run([BINARY, "config", "show", *arguments, "-c", gateway.config_path], capture_output=True, text=True,
                              timeout=20, env=clean_environment())
        assert done.returncode == 0, done.stderr
        assert PROVIDER_KEY not in done.stdout + done.stderr
        assert CALLER_KEY not in done.stdout + done.stderr

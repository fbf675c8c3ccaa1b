"""PROMISES.md R19: keys, prompts and answers never appear where they do not belong, whatever goes wrong. Twelve secrets are
planted; ledger, traces and admin tokens don't exist yet."""

import base64
import hashlib
import signal
import subprocess
import urllib.parse
from pathlib import Path

from harness import BINARY, CALLER_KEY, FORGIVING, PROMPT, PROVIDER_KEY, ask, clean_environment, isolated, request_bytes, wait_until

ANSWER = "canary-answer-91ce"
WRONG = "sk-canary-stranger-4c17a0"
TOOL = "canary-arguments-77d2"
SECRETS = {
    "caller's key": CALLER_KEY, "its hash": hashlib.sha256(CALLER_KEY.encode()).hexdigest(), "a key by its hash": "sk-canary-hashed-19fe02",
    "provider's key": PROVIDER_KEY, "second provider key": "sk-canary-second-5e8d11", "provider's header": "canary-header-60b3",
    "proxy password": "canary-proxy-word-8a2f", "prompt": PROMPT, "answer": ANSWER, "tool's arguments": TOOL, "stranger's key": WRONG,
    "cookie": "canary-cookie-d3c4",
}
FAULTS = ["error-401", "error-403", "error-429", "error-500", "two-lengths", "html-200", "cut", "mid-error", "bad-json", "reset", "huge-event",
          "redirect", "ok-error", "fast", "comments", "tools", "nul-header", "cut-in-header", "no/such"]


def spellings(secret):
    raw = secret.encode()
    shifted = {base64.b64encode(b"x" * shift + raw).decode()[4 * (shift > 0) + 2 : -4] for shift in range(3)}  # as a part of something
    return {secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode(), urllib.parse.quote(secret, safe=""),
            "".join(f"%{byte:02X}" for byte in raw), raw.hex(), raw.hex().upper(), *shifted}


def everything_written(gateway, folder):
    """Logs, metrics, what the kernel shows of the process, and every file that it may have left behind."""
    process = Path(f"/proc/{gateway.child.pid}")
    texts = {"stdout": gateway.out, "stderr": gateway.err, "metrics": ask(gateway.admin, "GET", "/metrics").text}
    for page in ("/healthz", "/readyz"):
        texts[page] = ask(gateway.admin, "GET", page).text
    for name in ("cmdline", "comm", "status"):
        texts[name] = (process / name).read_text(errors="replace")
    for thread in (process / "task").iterdir():
        texts[thread.name] = (thread / "comm").read_text()
    for file in Path(folder).rglob("*"):
        if file.is_file() and file != gateway.config_path and file.name != "canary-key":
            texts[file.name] = file.read_bytes().decode("latin-1")
    return texts


def test_no_output_holds_a_secret(start, lab, tmp_path):
    secret_file = tmp_path / "canary-key"
    secret_file.write_text(SECRETS["second provider key"])
    names = [name for name in FAULTS if "/" not in name]
    providers, models = isolated(lab, names)
    keys = [{"name": "a", "value": PROVIDER_KEY}, {"name": "b", "value": {"file": str(secret_file)}}]
    for provider in providers.values():
        del provider["api_key"]
        provider |= {"api_keys": keys, "headers": {"x-canary": SECRETS["provider's header"]}}
    proxy = f"http://user:{SECRETS['proxy password']}@127.0.0.1:9"
    providers["behind-proxy"] = {"type": "openai", "base_url": "https://behind.invalid/v1", "api_keys": keys}
    models["proxied"] = "behind-proxy/fast"
    callers = [{"name": "app", "value": CALLER_KEY}, {"name": "other", "hash": "sha256:" + hashlib.sha256(
        SECRETS["a key by its hash"].encode()).hexdigest()}]
    gateway = start(keys=callers, providers=providers, models=models, defaults=FORGIVING, env={"HTTPS_PROXY": proxy})
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    answers = []
    for number, model in enumerate([*FAULTS, "proxied"]):
        key = [CALLER_KEY, SECRETS["a key by its hash"]][number % 2]
        headers = {"Authorization": f"Bearer {key}", "Cookie": f"session={SECRETS['cookie']}", "User-Agent": "canary"}
        for stream in (False, True):
            answers.append(gateway.chat(model, stream=stream, headers=headers, tools=[tool], lab={
                "text": f"{ANSWER} and more words", "tool_arguments": {"a": TOOL},
                "error_message": f"keys {PROVIDER_KEY} and {SECRETS['second provider key']} are wrong"}))
    stranger = {"Authorization": f"Bearer {WRONG}"}
    answers.append(gateway.ask("GET", "/v1/models", headers=stranger))
    answers.append(gateway.ask("GET", f"/v1/models?api-key={CALLER_KEY}", headers=stranger))
    bearer = {"Authorization": f"Bearer {CALLER_KEY}"}
    for body in (b'{"messages": "' + PROMPT.encode() + b'"', b'{"model":"' + PROMPT.encode() + b'","messages":[{"role":"user"}]} x'):
        answers.append(gateway.ask("POST", "/v1/chat/completions", headers=bearer, body=body))
    for broken in (b"Content-Length: 1\r\nContent-Length: 1", b"X: a\0b"):
        with gateway.raw() as connection:
            data = request_bytes("POST", "/v1/chat/completions", bearer, body={"model": PROMPT})
            answers.append(connection.send(data.replace(b"Content-Length", broken + b"\r\nContent-Length", 1)).read())
    with gateway.raw() as connection:  # a client that leaves in the middle
        connection.send(request_bytes("POST", "/v1/chat/completions", bearer, body={"model": "fast", "stream": True, "messages": [
            {"role": "user", "content": PROMPT}], "lab": {"text": ANSWER, "per_token": "1s"}}))
    gateway.signal(signal.SIGHUP)
    wait_until(lambda: len(gateway.access_log()) > len(answers), 8, what="all requests are logged")
    for place, text in everything_written(gateway, tmp_path).items():
        for name, secret in SECRETS.items():
            for spelling in spellings(secret):
                assert spelling not in text, f"the {name} is in {place}"
    for answer in answers:
        shown = answer.text + str(answer.headers)
        for name, secret in SECRETS.items():
            if name in ("answer", "tool's arguments") and answer.status == 200:
                continue  # that is what was asked for
            assert secret not in shown, f"the {name} is in an answer with {answer.status}: {shown[:300]}"


def test_a_crash_leaves_no_core(start, tmp_path):
    """Where memory holds keys and prompts, no image of it may be written: the limit is 0, and can't be raised again."""
    gateway = start()
    limits = Path(f"/proc/{gateway.child.pid}/limits").read_text()
    core = next(line.split() for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core[4:6] == ["0", "0"]
    gateway.chat()
    gateway.signal(signal.SIGABRT)
    gateway.wait()
    assert not [file for file in tmp_path.rglob("*core*")]


def test_the_shown_configuration_is_redacted(start):
    gateway = start(keys=[{"name": "app", "value": CALLER_KEY}])
    for arguments in (["--effective"], []):
        done = subprocess.run([BINARY, "config", "show", *arguments, "-c", gateway.config_path], capture_output=True, text=True,
                              timeout=20, env=clean_environment())
        assert done.returncode == 0, done.stderr
        assert PROVIDER_KEY not in done.stdout + done.stderr
        assert CALLER_KEY not in done.stdout + done.stderr

"""What tests of keys and of the admin API share: tokens, and a client that brings one."""

import json
import os
import subprocess

from harness import BINARY, ask, clean_environment

TOKEN = "canary-admin-token-6a1f"
LEAD_TOKEN = "canary-lead-token-93cb"
CALLER = "canary-caller-key-77ae"

# A gateway with a file key, a team of the file, an all-powerful token and one for that team.
SETTINGS = {
    "keys": [{"name": "fixed", "value": CALLER}],
    "teams": {"search": {"models": ["fast"], "rate": {"concurrent": 50}}},
    "storage": {},
    "admin": {"token": TOKEN, "tokens": [{"name": "lead", "token": LEAD_TOKEN, "team": "search"}]},
}


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def admin(gateway, method, path, body=None, token=TOKEN, **headers):
    """One request to the admin API."""
    return ask(gateway.admin, method, path, headers={**(bearer(token) if token else {}), **headers}, body=body)


def make_key(gateway, name, token=TOKEN, **settings):
    answer = admin(gateway, "POST", "/admin/keys", {"name": name, **settings}, token)
    assert answer.status == 201, answer
    return answer.json()


def sluice(*arguments, **environment):
    """The command line: (exit code, stdout, stderr)."""
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=30,
                          env=clean_environment(**environment), stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout, done.stderr


def chat_status(gateway, key, model="fast"):
    return gateway.chat(model, headers=bearer(key)).status


def data_folder(gateway):
    return os.path.join(gateway.folder, f"{gateway.name}.data")


def parsed(text):
    return json.loads(text)

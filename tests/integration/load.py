"""Load from bench/load's driver, which is fast enough not to be what is measured."""

import json
import os
import subprocess
from pathlib import Path

from harness import ROOT, SLOW, die_with_parent

# The release's, also against a sanitized gateway.
DRIVER = Path(os.environ.get("SLUICE_LOAD", ROOT / "build/release/sluice_load"))


class Load:
    """One run of `sluice_load MODE` against a port; result() waits for its end."""

    def __init__(self, mode, port, *options, seconds=None, patience=120):
        arguments = [DRIVER, mode, "--port", port, "--patience", patience * SLOW, *options]
        if seconds is not None:
            arguments += ["--seconds", seconds]
        self.patience = patience * SLOW
        self.child = subprocess.Popen([str(argument) for argument in arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, preexec_fn=die_with_parent)

    def opened(self):
        """With streams: waits until all have had their first event."""
        return json.loads(self.child.stdout.readline())

    def result(self):
        if self.child.stdin:
            self.child.stdin.close()
            self.child.stdin = None
        self.child.wait(self.patience + 20)
        return json.loads(self.child.stdout.read().strip().splitlines()[-1])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.child.stdout.close()


def lost(*results):
    """Everything that did not get its complete and right answer."""
    return sum(result["errors"] + result["mismatched"] + sum(
        count for status, count in result["statuses"].items() if status != "200") for result in results)

"""A process of its own that asks for /healthz until stdin ends, then prints how long each answer took: the test's own
Python must not be what is measured."""

import json
import select
import subprocess
import sys
import time

from harness import die_with_parent


class HealthWatch:
    def __init__(self, port, every=0.01):
        self.child = subprocess.Popen([sys.executable, __file__, str(port), str(every)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)

    def finish(self):
        """(seconds of every answer, answers that were not 200 or did not come)"""
        out, _ = self.child.communicate(timeout=60)
        return json.loads(out)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self.child.poll() is None:
            self.child.kill()
            self.child.communicate()


def main(port, every):
    from harness import ask

    taken, failed = [], 0
    while not select.select([sys.stdin], [], [], every)[0]:
        asked = time.monotonic()
        try:
            failed += ask(port, "GET", "/healthz", timeout=5).status != 200
        except (OSError, AssertionError):
            failed += 1
        taken.append(time.monotonic() - asked)
    print(json.dumps([taken, failed]))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

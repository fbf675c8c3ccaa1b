"""No test may hang: an alarm ends it, wherever it waits."""

import signal

import pytest
from harness import SLOW

SECONDS_PER_TEST = 60


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    marker = item.get_closest_marker("seconds")
    seconds = int((marker.args[0] if marker else SECONDS_PER_TEST) * SLOW)

    def give_up(number, frame):
        raise AssertionError(f"the test took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

"""R26: the clock jumps while the gateway runs. No window opens again, none closes early, nothing waits or ends for it.

libfaketime moves the time of day alone; what the gateway measures durations with runs on, as in a real machine.
"""

import os
import threading
import time
from datetime import datetime, timezone

import pytest
from figures import record
from harness import SLOW, Gateway, Lab, chat_body, request_bytes, wait_until
from test_drills_money import limits, settings
from test_money import BEARER

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"

pytestmark = pytest.mark.skipif(not os.path.exists(LIBRARY) or SLOW > 1,
                                reason="this needs libfaketime, and a binary without sanitizers")


class Clock:
    """The time of day of one process."""

    def __init__(self, folder, zone="UTC"):
        self.file = folder / "clock"
        self.offset("+0")
        self.environment = {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                            "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "TZ": zone}

    def offset(self, text):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.file)  # never half a time

    def set(self, moment):
        """To a moment in UTC: "2027-03-28 00:59:50"."""
        then = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc).timestamp()
        self.offset(f"{then - time.time():+.3f}")


def ask(gateway):
    return gateway.chat("fast", headers=BEARER, max_tokens=40, lab={"tokens": 40, "echo": False})


def settled(gateway):
    """Of the only budget; a call that was answered is settled at once."""
    return wait_until(lambda: [limit["settled"] for limit in limits(gateway) if limit["of"] == "money" and limit["reserved"] == 0])[0]


def spend(gateway):
    """All that is left of the budget. Returns how many calls were served."""
    served = 0
    while (answer := ask(gateway)).status == 200:
        served += 1
        assert served < 100
    assert answer.error["code"] == "insufficient_quota", answer
    return served


BUDGET = 0.004  # for eight or nine calls


def budget(per):
    return {"usd": BUDGET, "per": per, "when_short": "reject"}


# What happens at each of the moments of one window: nothing. Then the window is over.
CALENDAR = {
    "summer begins in Berlin": (
        "day", "Europe/Berlin", "2027-03-28 00:59:50",
        ["2027-03-28 01:00:10", "2027-03-28 02:30:00", "2027-03-28 22:00:30", "2027-03-28 23:59:57"], "2027-03-29 00:00:01"),
    "summer ends in New York": (
        "day", "America/New_York", "2027-11-07 00:00:01",
        ["2027-11-07 04:00:10", "2027-11-07 05:59:59", "2027-11-07 06:00:10", "2027-11-07 23:59:57"], "2027-11-08 00:00:01"),
    "summer ends in a week": (
        "week", "Europe/Berlin", "2027-10-25 00:00:01",
        ["2027-10-31 00:59:58", "2027-10-31 01:00:01", "2027-10-31 23:30:00", "2027-10-31 23:59:57"], "2027-11-01 00:00:01"),
    "a leap day ends a month": (
        "month", "Asia/Tokyo", "2028-02-28 23:59:50",
        ["2028-02-29 00:00:10", "2028-02-29 15:00:10", "2028-02-29 23:59:57"], "2028-03-01 00:00:01"),
    "no leap day ends a month": (
        "month", "Pacific/Auckland", "2027-02-01 00:00:01",
        ["2027-02-27 12:00:00", "2027-02-28 11:00:10", "2027-02-28 23:59:57"], "2027-03-01 00:00:01"),
    "a year ends": (
        "month", "America/Los_Angeles", "2027-12-01 00:00:01",
        ["2027-12-31 08:00:10", "2027-12-31 23:59:57"], "2028-01-01 00:00:01"),
    "a day's length over a change": (
        "24h", "Europe/Berlin", "2027-03-27 12:00:00",
        ["2027-03-28 00:59:59", "2027-03-28 01:00:01", "2027-03-28 11:00:10", "2027-03-28 11:59:57"], "2027-03-28 13:00:00"),
}


@pytest.mark.parametrize("name", CALENDAR)
def test_r26_a_window_is_one_window_over_changes_of_summer_time_and_ends_of_months(tmp_path, name):
    per, zone, begin, within, after = CALENDAR[name]
    clock = Clock(tmp_path, zone)
    clock.set(begin)
    with Lab(tmp_path) as lab, Gateway(tmp_path, settings(lab, tmp_path, budget=budget(per)), env=clock.environment) as gateway:
        assert ask(gateway).status == 200
        one = settled(gateway)
        assert 0 < one < BUDGET * 1e9 / 3
        for moment in within[:-1]:  # neither forgotten nor closed
            clock.set(moment)
            assert settled(gateway) == one, moment
        assert spend(gateway) > 0
        full = settled(gateway)
        for moment in within[-1:] + within:  # at its end, and whatever comes back of it
            clock.set(moment)
            assert (ask(gateway).status, settled(gateway)) == (429, full), moment
        clock.set(after)
        assert ask(gateway).status == 200
        assert settled(gateway) == (full if per == "24h" else one)  # the length of a day forgets the first call alone
        record("R26", window=name, calls=full // one, over_nano_usd=max(0, full - round(BUDGET * 1e9)))


def test_r26_a_clock_set_back_opens_no_window_again(tmp_path):
    clock = Clock(tmp_path)
    with Lab(tmp_path) as lab, Gateway(tmp_path, settings(lab, tmp_path, budget=budget("day")), env=clock.environment) as gateway:
        today = spend(gateway)
        assert today > 0
        clock.offset("-1d")
        assert spend(gateway) == 0
        clock.offset("+1d")
        tomorrow = spend(gateway)
        assert tomorrow == today
        clock.offset("+0")
        assert spend(gateway) == 0
        clock.offset("+1d")
        assert spend(gateway) == 0


def test_r26_a_second_that_comes_twice_at_midnight_is_one_second(tmp_path):
    """A leap second, as Unix clocks have it: 23:59:59 again, behind the first moment of the new day."""
    clock = Clock(tmp_path)
    clock.set("2028-06-30 23:59:50")
    with Lab(tmp_path) as lab, Gateway(tmp_path, settings(lab, tmp_path, budget=budget("month")), env=clock.environment) as gateway:
        june = spend(gateway)
        clock.set("2028-07-01 00:00:00")
        assert ask(gateway).status == 200
        clock.set("2028-06-30 23:59:59")
        july = 1 + spend(gateway)
        clock.set("2028-06-30 23:59:59")
        assert spend(gateway) == 0
        clock.set("2028-07-01 00:00:00")
        assert spend(gateway) == 0
        clock.set("2028-07-01 00:00:05")
        assert spend(gateway) == 0
        assert june == july > 1


@pytest.mark.parametrize("jump", ["-1d", "+1d", "-3600", "+400d"])
def test_r26_what_is_under_way_does_not_notice_a_jump(tmp_path, jump):
    clock = Clock(tmp_path)
    with Lab(tmp_path) as lab, Gateway(tmp_path, settings(lab, tmp_path, budget=budget("month")), env=clock.environment) as gateway:
        def stream():
            with gateway.raw(timeout=30) as connection:
                body = chat_body("fast", stream=True, max_tokens=40, lab={"tokens": 40, "echo": False, "per_token": "30ms"})
                connection.send(request_bytes("POST", "/v1/chat/completions", headers=BEARER, body=body))
                answers.append((connection.read(), time.monotonic() - connection.sent_at))

        answers = []
        streams = [threading.Thread(target=stream) for _ in range(3)]
        for thread in streams:
            thread.start()
        wait_until(lambda: lab.stats()["open_streams"] == 3)
        clock.offset(jump)
        assert sum(limit["reserved"] > 0 for limit in limits(gateway)) == 1
        for thread in streams:
            thread.join(30)
        assert [(answer.status, answer.finished) for answer, _ in answers] == [(200, True)] * 3
        assert all(1 < seconds < 5 for _, seconds in answers)
        wait_until(lambda: all(limit["reserved"] == 0 for limit in limits(gateway)), 1)
        record("R26", jump=jump, streams=len(answers), slowest_s=round(max(seconds for _, seconds in answers), 2))

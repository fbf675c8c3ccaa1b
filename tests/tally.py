#!/usr/bin/env python3
"""Adds up what the runners wrote and ends with one line: `N passed, N failed, N skipped`.

    tally.py RESULTS-FOLDER [STEP-THAT-FAILED...]

Reads every JUnit file in the folder. A Catch2 program counts as many tests as it has test cases. A step that failed
without a failing test of its own (it crashed, or ran out of time) counts as one failure. Exit 1 on any failure.

`X-alone.xml` says what the tests that failed in `X.xml` did when they ran again by themselves. One that passes there is
unstable: it counts as passed and is named, but more than MOST_UNSTABLE of them fail.
"""
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

MOST_REASON = 4_000
MOST_UNSTABLE = 3
ALONE = "-alone"


def catch_cases(text):
    """(passed, failed) test cases of a Catch2 program, or None for another program."""
    every = re.search(r"All tests passed \([\d,]+ assertions? in (\d+) test cases?\)", text)
    if every:
        return int(every[1]), 0
    some = re.search(r"^test cases:\s*(\d+)\s*\|(.*)$", text, re.M)
    if not some:
        return None
    failed = re.search(r"(\d+) failed", some[2])
    return int(some[1]) - int(failed[1] if failed else 0), int(failed[1] if failed else 0)


def reason(case):
    """What the runner says of a failure, in one line; a log may keep no more than the end of what is printed."""
    for part in (case.find("failure"), case.find("error")):
        if part is not None and part.get("message"):
            return ": " + " ".join(part.get("message").split())[:MOST_REASON]
    return ""


def read(path):
    """(passed, [(name, reason)] of failed, skipped) of one JUnit file."""
    passed, failed, skipped = 0, [], 0
    for case in xml.parse(path).iter("testcase"):
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        output = "".join(part.text or "" for part in case.iter("system-out"))
        cases = catch_cases(output)
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            failed += [(name, reason(case))] * max(1, cases[1] if cases else 1)
            passed += cases[0] if cases else 0
        else:
            passed += cases[0] if cases else 1
    return passed, failed, skipped


def passed_alone(path):
    """Names of the tests of this report that passed when they ran again by themselves."""
    again = path.with_name(path.stem + ALONE + ".xml")
    try:
        cases = list(xml.parse(again).iter("testcase")) if again.exists() else []
    except xml.ParseError:
        cases = []
    return {f"{case.get('classname') or ''} {case.get('name')}".strip() for case in cases
            if not any(case.find(what) is not None for what in ("failure", "error", "skipped"))}


def main(folder, broken):
    passed, failed, unstable, skipped = 0, [], [], 0
    broken = [step for step in broken if not step.endswith(ALONE)]
    for path in sorted(Path(folder).glob("*.xml")):
        if path.stem.endswith(ALONE):
            continue
        try:
            p, f, s = read(path)
        except xml.ParseError:
            p, f, s = 0, [(path.stem, ": its report is cut off")], 0
        if path.stem in broken and f:
            broken.remove(path.stem)
        again = passed_alone(path)
        u = [each for each in f if each[0] in again]
        f = [each for each in f if each[0] not in again]
        p += len(u)
        print(f"  {path.stem:<28} {p:>5} passed {len(f):>4} failed {s:>4} skipped")
        passed, skipped = passed + p, skipped + s
        failed += [f"{path.stem}: {name}{why}" for name, why in f]
        unstable += [f"{path.stem}: {name}{why}" for name, why in u]
    failed += [f"{step}: the step failed" for step in broken]
    for name in unstable:
        print("UNSTABLE (passed when run again alone)", name)
    if len(unstable) > MOST_UNSTABLE:
        failed.append(f"{len(unstable)} tests are unstable")
    for name in failed:
        print("FAILED", name)
    if passed == 0:
        failed.append("no test ran")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

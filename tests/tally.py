#!/usr/bin/env python3
"""Adds up what the runners wrote and ends with one line: `N passed, N failed, N skipped`.

    tally.py RESULTS-FOLDER [STEP-THAT-FAILED...]

Reads every JUnit file in the folder. A Catch2 program counts as many tests as it has test cases. A step that failed
without a failing test of its own (it crashed, or ran out of time) counts as one failure. Exit 1 on any failure.
"""
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

MOST_REASON = 4_000


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
    """(passed, names of failed with reasons, skipped) of one JUnit file."""
    passed, failed, skipped = 0, [], 0
    for case in xml.parse(path).iter("testcase"):
        name = f"{case.get('classname') or ''} {case.get('name')}".strip()
        output = "".join(part.text or "" for part in case.iter("system-out"))
        cases = catch_cases(output)
        if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            failed += [name + reason(case)] * max(1, cases[1] if cases else 1)
            passed += cases[0] if cases else 0
        else:
            passed += cases[0] if cases else 1
    return passed, failed, skipped


def main(folder, broken):
    passed, failed, skipped = 0, [], 0
    for path in sorted(Path(folder).glob("*.xml")):
        try:
            p, f, s = read(path)
        except xml.ParseError:
            p, f, s = 0, [f"{path.stem}: its report is cut off"], 0
        print(f"  {path.stem:<28} {p:>5} passed {len(f):>4} failed {s:>4} skipped")
        passed, failed, skipped = passed + p, failed + [f"{path.stem}: {name}" for name in f], skipped + s
        if path.stem in broken and f:
            broken.remove(path.stem)
    failed += [f"{step}: the step failed" for step in broken]
    for name in failed:
        print("FAILED", name)
    if passed == 0:
        failed.append("no test ran")
    print(f"{passed} passed, {len(failed)} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

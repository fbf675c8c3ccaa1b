#!/usr/bin/env python3
"""Runs the libFuzzer targets of a build, and keeps what they find.

    tests/fuzz/run.py --seconds 30 --jobs 2            every target for half a minute, two at a time
    tests/fuzz/run.py --seconds 28800 url key          eight hours each, one after the other
    tests/fuzz/run.py --runs 1000000 http_request      so many inputs instead of so much time
    tests/fuzz/run.py --seed 1                         the same inputs every time: a change is told from a stroke of luck
    tests/fuzz/run.py --minimise                       the least set of inputs with all the coverage, into tests/fuzz/corpus
    tests/fuzz/run.py --record                         what was run in this tree so far

Time is the target's own CPU time. New inputs go to build/fuzz/corpus/NAME, findings to build/fuzz/found/NAME: a finding
becomes a file with a telling name in tests/fuzz/corpus/NAME, where ctest reads it in every run. Exit 1 on a finding.
--pause-while FILE stops the targets for as long as FILE exists, so that somebody can measure on the same machine.
"""
import argparse
import base64
import concurrent.futures
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.sax.saxutils

TOP = pathlib.Path(__file__).resolve().parents[2]
WORK = TOP / "build/fuzz"
HANG_SECONDS = 5
ROUND_SECONDS = 120  # a target is started anew after so long, and reads what it has found
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
LIKE_A_KEY = re.compile(rb"(sk-|gsk_|ghp_|AKIA)[A-Za-z0-9-]{16}")  # made up by chance, but tests/architecture refuses it
lock = threading.Lock()


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Target:
    finding = ""  # of the last run: the input in base64

    def __init__(self, binary):
        self.binary = binary
        self.name = binary.name.removeprefix("fuzz_")
        self.seeds = TOP / "tests/fuzz/corpus" / self.name
        self.corpus, self.found = WORK / "corpus" / self.name, WORK / "found" / self.name
        self.log = WORK / f"{self.name}.log"
        for folder in (self.corpus, self.found):
            folder.mkdir(parents=True, exist_ok=True)
        dictionary = TOP / f"tests/fuzz/{self.name}.dict"
        self.dictionary = [f"-dict={dictionary}"] if dictionary.exists() else []

    def run(self, arguments, pause_file):
        """One process to its end: exit code and CPU seconds. Its output is in the log."""
        command = [str(self.binary), *arguments]
        with open(self.log, "wb") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.found,
                                     env={**os.environ, **SANITIZERS}, preexec_fn=die_with_parent)
        stopped = False
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return child.returncode, used.ru_utime + used.ru_stime
            wanted = bool(pause_file) and os.path.exists(pause_file)
            if wanted != stopped:
                child.send_signal(signal.SIGSTOP if wanted else signal.SIGCONT)
                stopped = wanted
            time.sleep(0.1)

    def only_slow_company(self, before):
        """Hangs that are none when the input runs alone: the machine was busy, or the process was stopped. Removed."""
        new = [path for path in self.found.iterdir() if path not in before]
        if not new or not all(path.name.startswith(("timeout-", "slow-unit-")) for path in new):
            return False
        for path in new:
            code, _ = self.run([f"-timeout={HANG_SECONDS}", "-runs=1", str(path)], None)
            if code != 0:
                return False
            path.unlink()
        return True

    def fuzz(self, options):
        """True if nothing was found. `options.seconds` of CPU time, or `options.runs` inputs."""
        used, runs, code, compared = 0.0, 0, 0, {}
        while code == 0 and (runs == 0 if options.runs else used < options.seconds):
            before = set(self.found.iterdir())
            amount = f"-runs={options.runs}" if options.runs else \
                f"-max_total_time={max(1, round(min(ROUND_SECONDS, options.seconds - used)))}"
            seeds = [str(self.seeds)] if self.seeds.exists() else []
            code, seconds = self.run([amount, f"-timeout={HANG_SECONDS}", "-rss_limit_mb=2048", "-print_final_stats=1",
                                      "-reload=0", f"-seed={options.seed}", f"-artifact_prefix={self.found}/", *self.dictionary,
                                      str(self.corpus), *seeds], options.pause_while)
            text = self.log.read_text(errors="replace")
            count = re.search(r"number_of_executed_units: (\d+)", text)
            used, runs = used + seconds, runs + int(count[1] if count else 0)
            for accepted, what, refused in re.findall(r"^compared: (\d+) (.*) accepted by both, (\d+) refused", text, re.M):
                before_this = compared.get(what, (0, 0))
                compared[what] = (before_this[0] + int(accepted), before_this[1] + int(refused))
            remember(self.name, seconds, int(count[1] if count else 0), coverage_of(text))
            if code != 0 and self.only_slow_company(before):
                code = 0
        with lock:
            print(f"{self.name}: {'ok' if code == 0 else 'FOUND SOMETHING'}, {runs} inputs in {used:.0f} s of CPU, "
                  f"{len(list(self.corpus.iterdir()))} files in {self.corpus.relative_to(TOP)}", flush=True)
            for what, (accepted, refused) in compared.items():
                print(f"    {accepted} {what} accepted by both parsers, {refused} refused by both", flush=True)
            if code != 0:
                print(text[-6000:], flush=True)
                for path in set(self.found.iterdir()) - before:
                    self.finding = f"{path.name} {base64.b64encode(path.read_bytes()).decode()}"
                print("findings:", *sorted(str(path.relative_to(TOP)) for path in self.found.iterdir()), flush=True)
        return code == 0

    def minimise(self, _):
        """Seeds with a name stay; those that libFuzzer named by their hash are chosen anew."""
        merged = WORK / "merged" / self.name
        shutil.rmtree(merged, ignore_errors=True)
        merged.mkdir(parents=True)
        self.seeds.mkdir(parents=True, exist_ok=True)
        for path in self.seeds.iterdir():
            if not is_hash(path.name):
                shutil.copy(path, merged)
        code, _ = self.run(["-set_cover_merge=1", "-use_counters=0", "-max_len=4096", f"-timeout={HANG_SECONDS}",
                            f"-artifact_prefix={self.found}/", str(merged), str(self.corpus), str(self.seeds)], None)
        if code == 0:
            for path in self.seeds.iterdir():
                if is_hash(path.name):
                    path.unlink()
            for path in merged.iterdir():
                if is_hash(path.name) and not LIKE_A_KEY.search(path.read_bytes()):
                    shutil.copy(path, self.seeds)
        files = list(self.seeds.iterdir())
        print(f"{self.name}: exit {code}, {len(files)} files, {sum(p.stat().st_size for p in files)} bytes", flush=True)
        return code == 0


def is_hash(name):
    return re.fullmatch(r"[0-9a-f]{40}", name) is not None


def coverage_of(text):
    found = re.findall(r"cov: (\d+)", text)
    return int(found[-1]) if found else 0


def remember(name, seconds, runs, coverage):
    with lock:
        path = WORK / "record.json"
        record = json.loads(path.read_text()) if path.exists() else {}
        row = record.setdefault(name, {"cpu_seconds": 0, "runs": 0, "coverage": 0})
        row["cpu_seconds"] = round(row["cpu_seconds"] + seconds, 1)
        row["runs"] += runs
        row["coverage"] = max(row["coverage"], coverage)
        path.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def show_record():
    path = WORK / "record.json"
    for name, row in (json.loads(path.read_text()) if path.exists() else {}).items():
        print(f"| `{name}` | {row['runs']:,} | {row['cpu_seconds'] / 60:.0f} | {row['coverage']:,} |")


def write_junit(path, results):
    def verdict(target, good):
        return "" if good else f"<failure message={xml.sax.saxutils.quoteattr(target.finding)}/>"

    cases = [f'<testcase classname="fuzz" name={xml.sax.saxutils.quoteattr(target.name)}>{verdict(target, good)}</testcase>'
             for target, good in results.items()]
    pathlib.Path(path).write_text(f"<testsuite>{''.join(cases)}</testsuite>\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--seconds", type=float, default=30)
    arguments.add_argument("--runs", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=0, help="0: another one every time")
    arguments.add_argument("--jobs", type=int, default=1)
    arguments.add_argument("--build", default=str(TOP / "build/asan"))
    arguments.add_argument("--junit")
    arguments.add_argument("--pause-while", metavar="FILE")
    arguments.add_argument("--minimise", action="store_true")
    arguments.add_argument("--record", action="store_true")
    arguments.add_argument("targets", nargs="*")
    options = arguments.parse_args()
    if options.record:
        return show_record()
    binaries = sorted(path for path in pathlib.Path(options.build, "tests/fuzz").resolve().glob("fuzz_*")
                      if path.is_file() and os.access(path, os.X_OK))
    known = {binary.name.removeprefix("fuzz_"): binary for binary in binaries}
    unknown = [name for name in options.targets if name not in known]
    if unknown or not known:
        sys.exit(f"no target {', '.join(unknown)}; there are: {', '.join(known)} (deploy/build.sh asan builds them)")
    targets = [Target(known[name]) for name in options.targets or known]
    work = Target.minimise if options.minimise else Target.fuzz
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = dict(zip(targets, pool.map(lambda target: work(target, options), targets)))
    if options.junit:
        write_junit(options.junit, results)
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

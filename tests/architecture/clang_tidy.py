#!/usr/bin/env python3
"""clang-tidy over our files, the latest changed first, within a limit of time.

    clang_tidy.py BUILD-FOLDER [--seconds N] [--jobs N] [FILE...]

A file that was clean and has not changed since, nor its own headers, nor its command, is not read again: the stamps are
in BUILD-FOLDER/tidy. What did not fit into the time is counted and named. Exit 1 on any warning. A file with one is read
first in the next run.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import time

TIDY = "clang-tidy-19"
OURS = re.compile(r"^(core|config|providers|server)/.*\.cpp$")


def headers_by_object(build):
    """ninja's own list of what each object was compiled from."""
    said = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True).stdout
    deps, current = {}, None
    for line in said.splitlines():
        if line and not line.startswith(" "):
            current = deps.setdefault(line.split(":")[0], [])
        elif line.strip() and current is not None:
            current.append(os.path.normpath(os.path.join(build, line.strip())))
    return deps


def stamp_of(entry, deps, top):
    sources = [entry["file"]] + [path for path in deps if path.startswith(top) and "/build/" not in path]
    digest = hashlib.sha256()
    for path in [os.path.join(top, ".clang-tidy"), *sorted(set(sources))]:
        if os.path.isfile(path):
            digest.update(open(path, "rb").read())
    digest.update(entry["command"].replace(top, "").encode())
    return digest.hexdigest()


def recent_first(top, files):
    """What is not committed yet, then by the last commit that touched the file or, for lack of it, its header."""

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=top, capture_output=True, text=True).stdout

    changed = [line[3:].split(" -> ")[-1] for line in git("status", "--porcelain", "-uall").splitlines()]
    changed += git("log", "--name-only", "--format=", "-n", "300").split()
    order = {}
    for i, name in enumerate(changed):
        order.setdefault(name, i)
    return sorted(files, key=lambda name: (min(order.get(name, len(changed)),
                                               order.get(name[:-3] + "hpp", len(changed))), name))


def check(build, path, limit):
    # clang-tidy reads the precompiled header's text itself, not the file that the compiler made of it.
    command = [TIDY, "-p", build, "--quiet", "--warnings-as-errors=*", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return path, None, f"not read: took longer than {limit} s"
    text = "\n".join(line for line in done.stdout.splitlines() if line.strip())
    return path, done.returncode == 0, text or done.stderr


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("build")
    arguments.add_argument("--seconds", type=float, default=float(os.environ.get("SLUICE_TIDY_SECONDS", "240")))
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments.add_argument("files", nargs="*")
    options = arguments.parse_args()
    top = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
    build = os.path.realpath(options.build)
    entries = {os.path.relpath(e["file"], top): e for e in json.load(open(os.path.join(build, "compile_commands.json")))}
    names = options.files or recent_first(top, filter(OURS.match, entries))
    deps = headers_by_object(build)
    stamps = os.path.join(build, "tidy")
    os.makedirs(stamps, exist_ok=True)

    suspects = os.path.join(stamps, "suspects")  # had a warning when they were last read
    known = set(open(suspects).read().split()) if os.path.exists(suspects) else set()
    names.sort(key=lambda name: name not in known)
    keys = {n: stamp_of(entries[n], deps.get(entries[n].get("output", ""), []), top) for n in names}
    todo = [n for n in names if not os.path.exists(os.path.join(stamps, keys[n]))]
    until = time.monotonic() + options.seconds
    bad, checked, unread = [], 0, []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = set()
        while todo or running:
            while todo and len(running) < options.jobs and time.monotonic() < until:
                running.add(pool.submit(check, build, os.path.join(top, todo.pop(0)), 300))
            if not running:
                break
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for path, clean, text in (future.result() for future in done):
                checked += 1
                name = os.path.relpath(path, top)
                if clean:
                    open(os.path.join(stamps, keys[name]), "w").close()
                    continue
                (unread if clean is None else bad).append(name)
                print(f"--- {name}\n{text}", flush=True)
    left_out = unread + todo
    with open(suspects, "w") as file:
        file.write("\n".join(bad + [name for name in left_out if name in known]))
    print(f"clang-tidy: {checked - len(unread)} files read, {len(names) - checked - len(todo)} unchanged since they were "
          f"clean, {len(left_out)} left out for want of time, {len(bad)} with warnings")
    if left_out:
        print("left out (SLUICE_TIDY_SECONDS=3000 reads all):", *left_out)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""clang-tidy over our files, the latest changed first, within a limit of time.

    clang_tidy.py BUILD-FOLDER [--seconds N] [--jobs N] [FILE...]

A file that was clean and has not changed since, nor its own headers, nor its command, is not read again: the stamps are
in BUILD-FOLDER/tidy. What did not fit into the time is counted and said. Exit 1 on what .clang-tidy calls an
error (STYLE: use after move, dangling handles, ignored results, names); the rest is advice, and shown.
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
    said = subprocess.run(["git", "log", "--name-only", "--format=", "-n", "60"], cwd=top, capture_output=True, text=True)
    order = {name: i for i, name in reversed(list(enumerate(said.stdout.split())))}
    return sorted(files, key=lambda name: (order.get(name, len(order)), name))


def check(build, path, limit):
    # clang-tidy reads the precompiled header's text itself, not the file that the compiler made of it.
    command = [TIDY, "-p", build, "--quiet", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return path, None, "took too long"
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

    keys = {n: stamp_of(entries[n], deps.get(entries[n].get("output", ""), []), top) for n in names}
    todo = [n for n in names if not os.path.exists(os.path.join(stamps, keys[n]))]
    until = time.monotonic() + options.seconds
    bad, checked = 0, 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        running = set()
        while todo or running:
            while todo and len(running) < options.jobs and time.monotonic() < until:
                running.add(pool.submit(check, build, os.path.join(top, todo.pop(0)), 120))
            if not running:
                break
            done, running = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
            for path, clean, text in (future.result() for future in done):
                checked += 1
                name = os.path.relpath(path, top)
                if clean:
                    open(os.path.join(stamps, keys[name]), "w").close()
                else:
                    bad += clean is not None
                    print(f"--- {name}\n{text}", flush=True)
    unchanged = len(names) - checked - len(todo)
    print(f"clang-tidy: {checked} files read, {unchanged} unchanged, {len(todo)} left out for want of time, {bad} bad")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

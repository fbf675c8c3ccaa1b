#!/usr/bin/env python3
"""What must never be committed: a path of the machine that it was written on, the host of a package registry (each
machine has its own; lock files like to record them), a file that only a build makes, a thing that looks like a key.

The hosts are asked from this machine's own package clients, so that this file names none. Exit 1 if one is found."""
import os
import re
import subprocess
import sys

BINARY = {".png", ".gif", ".ico", ".gz", ".zip", ".woff2", ".bin"}
KEY = re.compile(r"\b(sk-(proj-|or-v1-|ant-)?[A-Za-z0-9]{32,}|gsk_[A-Za-z0-9]{40,}|AKIA[A-Z0-9]{16}|ghp_[A-Za-z0-9]{36})")
MADE = re.compile(r"(^|/)(build|node_modules|\.venv|__pycache__)/|\.(o|a|so|pyc)$")


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def registry_hosts():
    said = output("npm", "config", "get", "registry") + output("pip", "config", "list") + output("pip3", "config", "list")
    said += "".join(f"{k}={v}\n" for k, v in os.environ.items() if re.search("index|registry|proxy", k, re.I))
    for folder in ("/etc/apt/sources.list", "/etc/apt/sources.list.d"):
        said += output("grep", "-rhs", "://", folder)
    hosts = re.findall(r"//(?:[^/@\s]*@)?([A-Za-z0-9.-]+\.[a-z]{2,})", said)
    return sorted(set(hosts) | {"registry." + "npmjs.org", "pypi" + ".org", "files." + "pythonhosted.org"})


def main():
    top = output("git", "rev-parse", "--show-toplevel").strip()
    if not top:
        print("clean_tree: not a git checkout, nothing to compare")
        return 0
    os.chdir(top)
    above = os.path.dirname(top)
    words = registry_hosts() + ([above + "/"] if above.count("/") > 0 and len(above) > 4 else [])
    bad = 0
    for path in output("git", "ls-files").split("\n"):
        if not path or not os.path.isfile(path) or os.path.splitext(path)[1] in BINARY:
            continue
        if MADE.search(path):
            print(f"{path}: made by a build; it does not belong here")
            bad = 1
        for number, line in enumerate(open(path, encoding="utf-8", errors="replace"), 1):
            found = [word for word in words if word in line] + [m[0][:12] + "..." for m in KEY.finditer(line) if "0123456789" not in m[0]]
            if path.endswith("package-lock.json") and '"resolved"' in line:
                found.append("resolved")
            for word in found:
                print(f"{path}:{number}: {word!r} must not be committed")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())

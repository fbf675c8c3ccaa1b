#!/usr/bin/env python3
"""Calls and words that this code does without, each with what to use instead. Reads every C++ file that git knows.

    banned.py              exit 1 if one is found
    banned.py --self-test

A line that has a good reason says so: `// allowed: <reason>`.
"""
import re
import subprocess
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0])
from coawait_temporaries import blank

# what, where it is banned, where it is nevertheless allowed, what to use instead
RULES = [
    (r"\b(sleep|usleep|nanosleep|sleep_for|sleep_until)\s*\(", r"^(core|config|providers|server)/",
     r"^server/(cli|main)|co_await|Task<", "wait on a deadline of the worker's timer wheel"),
    (r"(?<![\w.:>])(std::)?(system|popen)\s*\(", r".", None, "do it in the process, or not at all"),
    (r"(?<![\w.:>])(std::)?(exit|_exit|quick_exit|abort|terminate)\s*\(", r"^(core|config|providers|server)/",
     r"^server/(main|signals)|^server/cli/|\bvoid \w+\(", "return an error; only main ends the process"),
    (r"(?<![\w.>])(std::|::)?(secure_)?getenv\s*\(", r"^(core|providers|server)/", r"^server/(main|app)|^server/cli/",
     "config/environment reads the environment"),
    (r"\basio::detached\b", r".", None, "a handler that logs what escaped"),
    (r"catch\s*\(\s*\.\.\.\s*\)\s*\{\s*\}", r".", None, "say what is caught, and log or return it"),
    (r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", r".", None, "std::string, std::string_view, fmt"),
    (r"\busing namespace std\s*;", r".", None, "names with their namespace"),
    (r"\bstd::regex\b", r"^(core|providers|server|config)/", None, "a parser of a few lines: std::regex recurses"),
    (r"\b(any_io_executor|std::function)\b.*co_await", r".", None, "a concrete executor on the path of bytes"),
    (r"#\s*include\s*<boost/asio\.hpp>", r".", None, "the headers that are used: the whole of Asio costs seconds"),
    (r"\b(double|float)\s+\w*(cost|price|usd|money|balance)\w*", r"^core/", None, "NanoUsd: money is a whole number"),
    (r"\b(class|struct)\s+\w*(Manager|Helper|Util|Utils|Data)\b(?!\s*=)", r"^(core|config|providers|server)/", r"\bServiceManager\b",
     "a name for what it is (STYLE 7)"),
]
FILES = r"\.[hc]pp$"


def findings(path, source, rules=RULES):
    """(line, what to use instead) for each use of a banned thing in `source`."""
    text, lines = blank(source), source.splitlines()
    for pattern, where, allowed, instead in rules:
        if not re.search(where, path) or (allowed and re.search(allowed, path)):
            continue
        for match in re.finditer(pattern, text):
            number = text.count("\n", 0, match.start())
            line = lines[number] if number < len(lines) else ""
            if "// allowed:" in line or (allowed and re.search(allowed, line)):
                continue
            yield number + 1, match[0].strip(), instead


def self_test():
    cases = [
        ("core/a.cpp", "sleep(1);", 1),
        ("server/net/a.cpp", "std::this_thread::sleep_for(x);", 1),
        ("server/net/a.cpp", "co_await clock.sleep(wait, cancellation);", 0),
        ("core/a.cpp", "// sleep(1);", 0),
        ("core/a.cpp", 'log("exit(1)");', 0),
        ("core/a.cpp", "exit(1);", 1),
        ("server/main.cpp", "exit(1);", 0),
        ("core/a.cpp", "state.exit(1);", 0),
        ("core/a.cpp", "getenv(name);", 1),
        ("config/environment.cpp", "getenv(name);", 0),
        ("server/a.cpp", "try { f(); } catch (...) {\n}", 1),
        ("server/a.cpp", "co_spawn(ex, f(), asio::detached);", 1),
        ("core/a.hpp", "class RouteManager {", 1),
        ("core/a.hpp", "double cost_usd = 0;", 1),
        ("core/a.cpp", "abort();  // allowed: the allocator failed", 0),
    ]
    wrong = [case for case in cases if len(list(findings(case[0], case[1]))) != case[2]]
    for case in wrong:
        print("self-test:", case)
    return bool(wrong)


def main():
    paths = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True,
                           text=True, check=True).stdout.split("\n")
    bad = 0
    for path in filter(lambda name: re.search(FILES, name), paths):
        for line, what, instead in findings(path, open(path, encoding="utf-8").read()):
            print(f"{path}:{line}: {what} is banned; instead: {instead}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else main())

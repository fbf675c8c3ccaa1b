#!/usr/bin/env python3
"""Finds temporaries that g++ 12 destroys twice: a braced aggregate or a capturing lambda inside the parentheses of a
statement that holds a co_await. The gateway is built with clang, which does not; the code stays portable all the same.

    coawait_temporaries.py FILE...      exit 1 if one is found
    coawait_temporaries.py --self-test
"""
import re
import sys

LITERALS = re.compile(r"""//[^\n]*|/\*.*?\*/|R"\w*\(.*?\)\w*"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
LAMBDA_HEAD = re.compile(r"\]\s*(\([^()]*(\([^()]*\)[^()]*)*\))?\s*(mutable|noexcept|->[^{;]*|\s)*$")
CAPTURE_BEGINS = re.compile(r"(?:[(,=|&]|co_await)\s*$")


def blank(source):
    """The source without comments and literals, every line where it was."""
    return LITERALS.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)


def closing_brace(text, at):
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "{") - (text[i] == "}")
        if depth == 0:
            return i
    return len(text)


def find(text, base=0):
    """Offsets of the temporaries, statement by statement; the body of a lambda is a list of statements of its own."""
    found, statement, hits, depth, i = [], "", [], 0, 0
    while i < len(text):
        c = text[i]
        if c == "{" and depth > 0:
            end = closing_brace(text, i)
            if LAMBDA_HEAD.search(statement):
                found += find(text[i + 1 : end], base + i + 1)
            else:
                hits.append(base + i)
            i = end
        elif c in "{};" and depth == 0:
            found += hits if "co_await" in statement else []
            statement, hits = "", []
        else:
            if c == "[" and CAPTURE_BEGINS.search(statement) and text[i + 1 : i + 2] != "]":
                hits.append(base + i)
            depth += (c == "(") - (c == ")")
            statement += c
        i += 1
    return found


def self_test():
    cases = {
        "auto x = co_await call({.a = 1});": 1,
        "auto x = co_await call(Options{.a = 1});": 1,
        "co_await run([x] { return x; });": 1,
        "co_await run([] { return 1; });": 0,
        "Options o{.a = 1}; auto x = co_await call(std::move(o));": 0,
        'co_await say("{");': 0,
        "call({1}); co_await wait();": 0,
        "run([x] { go({x}); }); co_await wait();": 0,
    }
    wrong = [code for code, hits in cases.items() if len(find(blank(code))) != hits]
    for code in wrong:
        print("self-test:", code)
    return bool(wrong)


def main(paths):
    bad = 0
    for path in paths:
        text = blank(open(path, encoding="utf-8").read())
        for offset in find(text):
            bad = 1
            line = text.count("\n", 0, offset) + 1
            print(f"{path}:{line}: give this temporary a name before the co_await (g++ 12 would destroy it twice)")
    return bad


if __name__ == "__main__":
    sys.exit(self_test() if sys.argv[1:] == ["--self-test"] else main(sys.argv[1:]))

"""PROMISES.md R16: documents made to hurt. Each has its answer, costs at most 50 ms of the gateway's CPU, and memory in
proportion to its size; the stack does not depend on it."""

import json
import os
import re
import resource
from pathlib import Path

import pytest
from harness import Gateway, chat_body, config, request_bytes

MIB = 1 << 20
GOOD = json.dumps(chat_body()).encode()
TICK = os.sysconf("SC_CLK_TCK")


def filled(before, unit, after, size=MIB):
    """A document of at most `size` bytes with as many repetitions of `unit` as fit."""
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def member(unit, close=b"", size=MIB):
    return filled(GOOD[:-1] + b',"x":', unit, close + b"}", size)


def numbered(pattern, before, after, size=MIB):
    """As many numbered pieces as fit, joined by commas."""
    pieces, total = [], len(before) + len(after)
    for number in range(size):
        piece = pattern % number
        total += len(piece) + 1
        if total > size:
            break
        pieces.append(piece)
    return before + b",".join(pieces) + after


def message(content):
    return b'{"model":"fast","messages":[' + content + b"]}"


START = GOOD[:-1] + b","
PARTS = b'{"model":"fast","messages":[{"role":"user","content":['
SHARED = b"n" * 200

# name -> status, code, document
DOCUMENTS = {
    "a million brackets": (400, "invalid_json", b"[" * 1_000_000),
    "a million braces": (400, "invalid_json", b'{"":' * 250_000),
    "brackets in a member": (400, "invalid_json", member(b"[")),
    "brackets that close": (400, "invalid_json", GOOD[:-1] + b',"x":' + b"[" * 500_000 + b"]" * 500_000 + b"}"),
    "closing brackets": (400, "invalid_json", b"]" * 1_000_000),
    "empty lists, side by side": (200, None, member(b"[],", b"0]").replace(b'"x":', b'"x":[', 1)),
    "empty objects, side by side": (200, None, member(b"{},", b"0]").replace(b'"x":', b'"x":[', 1)),
    "128 deep, again and again": (400, "invalid_json", member(b"[" * 128 + b"]" * 128 + b",", b"0]").replace(b'"x":', b'"x":[', 1)),
    "120 deep, again and again": (200, None, member(b"[" * 120 + b"]" * 120 + b",", b"0]").replace(b'"x":', b'"x":[', 1)),
    "half a million zeros": (200, None, filled(START + b'"x":[', b"0,", b"0]}")),
    "over a million values": (400, "invalid_json", START + b'"x":[' + b"0," * 1_000_001 + b"0]}"),
    "long numbers": (200, None, filled(START + b'"x":[', b"1" * 64 + b",", b"0]}")),
    "long exponents": (200, None, filled(START + b'"x":[', b"1e-" + b"9" * 61 + b",", b"0]}")),
    "numbers at the end of the range": (200, None, filled(START + b'"x":[', b"17976931348623157e292,", b"0]}")),
    "numbers out of range": (400, "invalid_json", filled(START + b'"x":[', b"1e308,", b"1e309]}")),
    "one number of a mebibyte": (400, "invalid_json", filled(START + b'"x":', b"1", b"}")),
    "a string of quotes": (200, None, filled(START + b'"x":"', b'\\"', b'"}')),
    "a string of backslashes": (200, None, filled(START + b'"x":"', b"\\\\", b'"}')),
    "a string of escapes": (200, None, filled(START + b'"x":"', b"\\u0041", b'"}')),
    "a string of pairs": (200, None, filled(START + b'"x":"', b"\\ud83d\\ude00", b'"}')),
    "a string of lone surrogates": (400, "invalid_json", filled(START + b'"x":"', b"\\ud83d", b'"}')),
    "a model of escapes": (400, "invalid_value", filled(b'{"messages":[],"model":"', b"\\u0041", b'"}')),
    "an open string": (400, "invalid_json", filled(START + b'"x":"', b"a", b"")),
    "white space": (400, "invalid_json", b" " * MIB),
    "white space behind the document": (200, None, GOOD + b" \n" * ((MIB - len(GOOD)) // 2)),
    "lines before a mistake": (400, "invalid_json", b"\n" * (MIB - 1) + b"x"),
    "bad UTF-8 at the end": (400, "invalid_json", filled(START + b'"x":"', b"\xc3\xa9", b'\xff"}')),
    "a control byte at the end": (400, "invalid_json", filled(START + b'"x":"', b"a", b'\x01"}')),
    "many names": (200, None, numbered(b'"%d":0', START, b"}")),
    "many names, the last one twice": (400, "duplicate_key", numbered(b'"%d":0', START, b',"0":1}')),
    "many names in falling order": (200, None, START + b",".join(b'"%d":0' % n for n in range(95_000, 10_000, -1)) + b"}"),
    "many long names that begin alike": (200, None, numbered(b'"' + SHARED + b'%d":0', START, b"}")),
    "many escaped names": (200, None, numbered(b'"\\u0061%d":0', START, b"}")),
    "many escaped names, one twice": (400, "duplicate_key", numbered(b'"\\u0061%d":0', START, b',"a0":1}')),
    "many names that are all the same": (400, "duplicate_key", filled(START, b'"x":0,', b'"y":0}')),
    "names like ours": (200, None, numbered(b'"mode%d":0', START, b"}")),
    "many messages": (200, None, filled(b'{"model":"fast","messages":[', b'{"role":"user","content":""},', b'{"role":"user","content":"x"}]}')),
    "many messages with escaped names": (200, None, filled(b'{"model":"fast","messages":[', b'{"r\\u006fle":"user"},',
                                                          b'{"role":"user","content":"x"}]}')),
    "a message with many names": (200, None, numbered(b'"%d":0', b'{"model":"fast","messages":[{"role":"user",', b"}]}")),
    "many parts": (200, None, filled(PARTS, b'{"type":"text","text":"a"},', b'{"type":"text","text":"b"}]}]}')),
    "many parts without a text": (200, None, filled(PARTS, b"{},", b'{"text":"b"}]}]}')),
    "a part with many names": (200, None, numbered(b'"%d":0', PARTS + b"{", b"}]}]}")),
    "many tool calls": (200, None, filled(b'{"model":"fast","messages":[{"role":"assistant","tool_calls":[',
                                         b'{"function":{"arguments":"{}"}},', b'{"function":{"arguments":"{}"}}]}]}')),
    "many tools": (200, None, filled(START + b'"tools":[', b'{"type":"function"},', b'{"type":"function"}]}')),
    "stream_options with many names": (200, None, numbered(b'"%d":0', START + b'"stream_options":{', b"}}")),
}
DOCUMENTS = {name: row for name, row in DOCUMENTS.items()}


@pytest.fixture(scope="module")
def narrow(folder, lab):
    """One worker with the smallest stack that a process is started with."""

    def small_stack():
        resource.setrlimit(resource.RLIMIT_STACK, (256 * 1024, 256 * 1024))

    with Gateway(folder, config(lab, server={"workers": 1}), name="narrow", preexec=small_stack) as running:
        yield running


def ask(gateway, document):
    with gateway.raw(timeout=30) as connection:
        return connection.send(request_bytes("POST", "/v1/chat/completions", body=document)).read()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_has_its_answer_on_a_small_stack(narrow, lab, name):
    status, code, document = DOCUMENTS[name]
    before = lab.stats()["requests"]
    answer = ask(narrow, document)
    assert answer.status == status, answer
    assert status == 200 or answer.error["code"] == code, answer
    assert len(answer.body) < 4096
    assert lab.stats()["requests"] == before + (status == 200)
    assert narrow.chat().status == 200


def cpu_seconds(process):
    """Of all threads, to the nanosecond: what the scheduler says they ran."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{process.child.pid}/task").iterdir()) / 1e9


@pytest.mark.release_only
@pytest.mark.parametrize("name", [name for name, row in DOCUMENTS.items() if len(row[2]) <= MIB])
def test_no_document_up_to_a_mebibyte_takes_50_ms_of_cpu(narrow, name):
    """Everything from the first byte to the end of the answer; the least of three, so that a noisy neighbour does not count."""
    spent = []
    for _ in range(3):
        before = cpu_seconds(narrow)
        ask(narrow, DOCUMENTS[name][2])
        spent.append(cpu_seconds(narrow) - before)
    assert min(spent) < 0.050, [f"{seconds * 1000:.1f} ms" for seconds in spent]


def peak_kib(process):
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.child.pid}/status").read_text())[1])


def forget_the_peak(process):
    Path(f"/proc/{process.child.pid}/clear_refs").write_text("5")


EIGHT = 8 * MIB
# name -> document, how many times its size the memory may grow
HEAVY = {
    "one string": (member(b"a", b'"', EIGHT).replace(b'"x":', b'"x":"', 1), 4),
    "one string of escapes": (filled(START + b'"x":"', b"\\u00e9", b'"}', EIGHT), 4),
    "many strings": (filled(START + b'"x":[', b'"%s",' % (b"a" * 1000), b'""]}', EIGHT), 4),
    "a prompt": (json.dumps(chat_body(prompt="a" * (EIGHT - 200))).encode(), 4),
    "dense values": (filled(START + b'"x":[', b"0,", b"0]}", 2 * MIB - 4096), 16),
    "dense lists": (filled(START + b'"x":[', b"[],", b"0]}", 2 * MIB), 16),
    "too many values": (filled(START + b'"x":[', b"0,", b"0]}", EIGHT), 16),
    "brackets": (filled(START + b'"x":[', b"[", b"", EIGHT), 16),
    "names": (numbered(b'"%d":0', START, b"}", EIGHT), 16),
    "escaped names": (numbered(b'"\\u0061%d":0', START, b"}", EIGHT), 16),
    "messages": (filled(b'{"model":"fast","messages":[', b'{"role":"a"},', b'{"role":"a"}]}', EIGHT), 16),
    "one name many times": (filled(START, b'"x":0,', b'"y":0}', 4 * MIB), 16),
}


@pytest.mark.release_only
@pytest.mark.parametrize("name", HEAVY)
def test_memory_stays_in_proportion_to_the_body(start, name):
    """A fresh gateway, so that nothing that it kept from a larger body hides what this one takes."""
    document, most = HEAVY[name]
    gateway = start(server={"workers": 1})
    gateway.chat()
    before = gateway.rss_kib()
    forget_the_peak(gateway)
    ask(gateway, document)
    grown = peak_kib(gateway) - before
    assert grown * 1024 <= most * len(document) + MIB, f"{grown * 1024 / len(document):.1f} times its size"


@pytest.mark.release_only
def test_memory_is_given_back_behind_large_bodies(start):
    gateway = start(server={"workers": 1})
    for _ in range(3):
        ask(gateway, HEAVY["names"][0])
    after_three = gateway.rss_kib()
    for _ in range(5):
        ask(gateway, HEAVY["names"][0])
    assert gateway.rss_kib() - after_three < 4 * 1024

"""The release binary under Valgrind's memcheck, with a little of everything: no error, nothing lost (R18)."""

import re
import shutil
import signal
import threading

import pytest
from harness import FORGIVING, Gateway, chat_body, config, request_bytes, wait_until

pytestmark = [pytest.mark.release_only, pytest.mark.seconds(1500),
              pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not installed")]

# What is still reachable at the end is no loss: OpenSSL and libstdc++ keep tables until the process is gone.
MEMCHECK = ["valgrind", "--leak-check=full", "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite,indirect",
            "--num-callers=30", "--fair-sched=yes", "--error-exitcode=99"]
PATIENCE = 60  # of a client: Valgrind is some thirty times slower
FAULTS = [{"cut_after_events": 2}, {"reset_after_events": 1}, {"write_size": 1, "tokens": 5}, {"max_requests": 1},
          {"http_fault": "bad_chunk_size"}, {"http_fault": "extra_bytes"}, {"status": 500},
          {"status": 400}, None, None, None]
REFUSED = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00", b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
           b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n0\r\n\r\n",
           b"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"]


def one_of_everything(gateway, number):
    """Answers, streams, upstream faults, refusals, and clients that leave in the middle."""
    fault = FAULTS[number % len(FAULTS)]
    stream = number % 2 == 0
    if number % 7 == 6:
        with gateway.raw(timeout=PATIENCE) as connection:
            connection.send(REFUSED[number % len(REFUSED)])
            assert connection.read().status >= 400
        return
    body = chat_body("fast", "word " * (50 * (number % 5)), stream=stream, lab=fault)
    with gateway.raw(timeout=PATIENCE) as connection:
        connection.send(request_bytes("POST", "/v1/chat/completions", body=body))
        if number % 11 == 10:
            return  # gone before the answer
        answer = connection.read()
        assert fault or answer.status == 200, answer


def test_memcheck_finds_no_error_and_no_leak(tmp_path, lab, request):
    rounds = 60 if not request.config.getoption("--long") else 2000
    log = tmp_path / "memcheck.log"
    settings = config(lab, defaults=FORGIVING, server={"workers": 2}, keys=None)
    with Gateway(tmp_path, settings, under=[*MEMCHECK, f"--log-file={log}"]) as gateway:
        wrong = []

        def work(first):
            try:
                for number in range(first, rounds, 2):
                    one_of_everything(gateway, number)
            except Exception as error:
                wrong.append(repr(error)[:500])

        threads = [threading.Thread(target=work, args=(first,), daemon=True) for first in range(2)]
        for thread in threads:
            thread.start()
        gateway.signal(signal.SIGHUP)  # a reload in between
        for thread in threads:
            thread.join()
        assert wrong == []
        assert gateway.metrics()
        wait_until(lambda: gateway.metric("sluice_in_flight_requests") == 0, PATIENCE, what="all requests are over")
        gateway.signal(signal.SIGTERM)
        code = gateway.wait(120)
    report = log.read_text()
    summary = re.search(r"ERROR SUMMARY: (\d+) errors", report)
    assert summary and summary[1] == "0", report[-6000:]
    assert code == 0, report[-2000:]
    lost = re.search(r"definitely lost: ([\d,]+) bytes", report)
    assert lost is None or lost[1] == "0", report[-6000:]

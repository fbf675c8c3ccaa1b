"""Drills of the promises, in a short form; `--long` makes them as long as the promise says."""

import random
import threading

import pytest
from harness import FORGIVING, chat_body, request_bytes


def in_threads(count, work):
    """Runs work(number) on `count` threads and returns what went wrong."""
    wrong = []

    def guarded(number):
        try:
            work(number)
        except Exception as error:
            wrong.append(repr(error)[:500])

    threads = [threading.Thread(target=guarded, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"
    return wrong


@pytest.mark.seconds(900)
def test_no_answer_holds_a_byte_of_another_call(start, lab, scale):
    """Calls tagged by their caller, mixed with glued, late and cut answers of the upstream and clients that leave."""
    gateway = start(defaults=FORGIVING | {"retry": {"attempts": 0}})
    faults = [{"http_fault": "extra_bytes"}, {"http_fault": "extra_answer", "extra_wait": "5ms"}, {"cut_after_events": 3},
              {"reset_after_events": 2}, {"write_size": 3}, {"http_fault": "bad_chunk_size"}, {"max_requests": 1}]

    def call_on(number):
        chance = random.Random(number)
        for round in range(scale(40, 2500)):
            tag = f"tag-{number}-{round}-"
            stream = chance.random() < 0.5
            lab_options = chance.choice(faults) if chance.random() < 0.4 else None
            body = chat_body("echo", (tag + " ") * 20, stream=stream, lab=lab_options)
            with gateway.raw(timeout=20) as connection:
                connection.send(request_bytes("POST", "/v1/chat/completions", body=body))
                if chance.random() < 0.15:
                    connection.reset()
                    continue
                answer = connection.read()
            seen = {word for word in answer.text.replace('"', " ").replace("\\", " ").split() if word.startswith("tag-")}
            assert seen <= {tag}, (tag, seen)
            # What arrives on an idle connection after it was looked at spoils the next call, but says nothing to it.
            if lab_options is None:
                assert answer.status == 200 and tag in answer.content or answer.status == 502, answer

    assert in_threads(scale(8, 40), call_on) == []

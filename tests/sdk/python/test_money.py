"""Limits and budgets as an application sees them: the official SDK, with the retries that it has by itself."""

import time

import openai
import pytest
from conftest import KEYS, options
from harness import FORGIVING, Gateway, Lab, config

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def world(tmp_path):
    """world(budget=..., rate=...): a gateway with one key that has these, and its lab."""
    running = []

    def world(**limits):
        lab = Lab(tmp_path)
        running.append(lab)
        settings = config(lab, models={"fast": "lab/fast"}, defaults=FORGIVING, keys=[{**KEYS[0], **limits}],
                          prices={"lab/fast": {"input": 1, "output": 10}},
                          storage={"database": f"sqlite://{tmp_path}/ledger.db"})
        gateway = Gateway(tmp_path, settings)
        running.append(gateway)
        return gateway, lab

    yield world
    for process in reversed(running):
        process.stop()


def test_a_spent_budget_raises_at_once_and_is_not_retried(world):
    gateway, lab = world(budget={"usd": 0.0001, "per": "day"})
    with openai.OpenAI(**options(gateway)) as client:
        begun = time.monotonic()
        with pytest.raises(openai.RateLimitError) as refused:
            client.chat.completions.create(model="fast", messages=HELLO, max_tokens=1000)
        assert time.monotonic() - begun < 2
    assert refused.value.code == "insufficient_quota" and refused.value.type == "insufficient_quota"
    assert lab.stats()["requests"] == 0


def test_a_rate_limit_is_waited_for_as_long_as_it_says(world):
    gateway, lab = world(rate={"windows": [{"requests": 2, "per": "2s"}]})
    with openai.OpenAI(**options(gateway, max_retries=3)) as client:
        for _ in range(4):  # more than one window's worth: the SDK waits for retry-after-ms and succeeds
            assert client.chat.completions.create(model="fast", messages=HELLO).choices[0].message.content
    assert lab.stats()["requests"] == 4


def test_a_stream_that_outgrows_its_budget_raises(world):
    gateway, _ = world(budget={"usd": 0.05, "per": "day"})
    with openai.OpenAI(**options(gateway)) as client:
        seen = 0
        with pytest.raises(openai.APIError) as cut:
            for chunk in client.chat.completions.create(model="fast", messages=HELLO, stream=True, extra_body={
                    "lab": {"tokens": 20_000, "echo": False, "tokens_per_chunk": 20}}):
                seen += len(chunk.choices)
    assert seen > 10 and cut.value.code == "insufficient_quota"


def test_the_answer_says_what_is_left(world):
    gateway, _ = world(rate={"rpm": 100, "tpm": "10k"}, budget={"usd": 1, "per": "day"})
    with openai.OpenAI(**options(gateway)) as client:
        headers = client.chat.completions.with_raw_response.create(model="fast", messages=HELLO).headers
    assert headers["x-ratelimit-limit-requests"] == "100" and headers["x-ratelimit-remaining-requests"] == "99"
    assert headers["x-ratelimit-limit-tokens"] == "10000" and int(headers["x-ratelimit-remaining-tokens"]) < 10_000
    assert headers["x-ratelimit-reset-requests"]

"""Routing as an application sees it: the official SDK without retries of its own, under load, while one of two upstreams
fails. docs/routing.md."""

import asyncio
import collections

import openai
import pytest
from conftest import options
from harness import FORGIVING, Gateway, Lab, config, provider

HELLO = [{"role": "user", "content": "hello"}]
FAULTS = {
    "stalls": {"scenario": "hang"},
    "answers 429": {"options": {"status": 429}},
    "answers 500": {"options": {"status": 500}},
    "cuts before the first token": {"scenario": "cut-before-token"},
}


@pytest.fixture
def world(tmp_path):
    """A gateway over two labs, `a` and `b`, each a provider."""
    with Lab(tmp_path, name="a") as a, Lab(tmp_path, name="b") as b:
        models = {
            "pair": {"targets": ["a/fast", "b/fast"]},
            "spread": {"route": "weighted", "targets": ["a/fast", "b/fast"]},
            "cheap": {"route": "cost", "targets": ["a/fast", "b/fast"]},
            "hedged": {"targets": ["a/fast", "b/fast"], "hedge": {"after": "100ms", "max_extra_load": "100%"}},
            "simple": "a/fast",
            "hard": "b/fast",
            "auto": {"route": {"policy": "complexity", "thresholds": [30]}, "targets": ["a/fast", "b/fast"]},
        }
        prices = {"a/fast": {"input": 2, "output": 8}, "b/fast": {"input": 1, "output": 2}}
        timeout = {"first_token": "500ms", "whole_answer": "500ms"}
        settings = config(a, models=models, prices=prices, providers={"a": provider(a), "b": provider(b)},
                          defaults={**FORGIVING, "timeout": timeout})
        settings["defaults"]["breaker"] = {"consecutive": 5, "open_for": "500ms"}
        with Gateway(tmp_path, settings) as gateway:
            yield gateway, a, b


def ask(gateway, model, **more):
    with openai.OpenAI(**options(gateway, max_retries=0)) as client:
        return client.chat.completions.with_raw_response.create(model=model, messages=HELLO, **more).headers["x-sluice-provider"]


async def load(gateway, model, count, meanwhile):
    """`count` requests, half of them streams, 16 at a time; `meanwhile` is called when a third of them are done."""
    done = collections.Counter()
    gate = asyncio.Semaphore(16)
    async with openai.AsyncOpenAI(**options(gateway, max_retries=0)) as client:
        async def one(number):
            async with gate:
                if number == count // 3:
                    await asyncio.to_thread(meanwhile)
                if number % 2:
                    answer = await client.chat.completions.create(model=model, messages=HELLO)
                    done["whole" if answer.choices[0].message.content else "empty"] += 1
                    return
                text, finish = "", None
                async for piece in await client.chat.completions.create(model=model, messages=HELLO, stream=True):
                    if piece.choices:
                        text += piece.choices[0].delta.content or ""
                        finish = piece.choices[0].finish_reason or finish
                done["stream" if text and finish == "stop" else "broken"] += 1

        await asyncio.gather(*[one(number) for number in range(count)])
    return done


@pytest.mark.parametrize("model", ["pair", "spread"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_client_sees_that_one_of_two_upstreams_fails(world, fault, model):
    gateway, a, _ = world
    done = asyncio.run(load(gateway, model, 300, lambda: a.set(**FAULTS[fault])))
    assert done == {"whole": 150, "stream": 150}
    assert a.stats()["requests"] > 20, "it was in use before"


@pytest.mark.parametrize("model", ["pair", "spread", "cheap", "hedged"])
def test_no_client_sees_that_one_of_two_upstreams_is_killed(world, model):
    gateway, a, b = world
    doomed = b if model == "cheap" else a

    def kill():
        doomed.child.kill()
        doomed.child.wait()

    assert asyncio.run(load(gateway, model, 300, kill)) == {"whole": 150, "stream": 150}


def test_the_client_may_steer_as_with_openrouter(world):
    gateway, _, _ = world
    assert ask(gateway, "pair") == "a"
    assert ask(gateway, "pair", extra_body={"provider": {"order": ["b"]}}) == "b"
    assert ask(gateway, "pair", extra_body={"provider": {"only": ["b"]}}) == "b"
    assert ask(gateway, "pair", extra_body={"provider": {"ignore": ["a"]}}) == "b"
    assert ask(gateway, "pair", extra_body={"provider": {"sort": "price"}}) == "b"
    assert ask(gateway, "pair:floor") == "b"
    assert ask(gateway, "pair", extra_body={"provider": {"max_price": {"prompt": 1.5}}}) == "b"
    assert ask(gateway, "pair", extra_headers={"x-sluice-order": "b"}) == "b"
    with pytest.raises(openai.BadRequestError) as refused:
        ask(gateway, "pair", extra_body={"provider": {"only": ["c"]}})
    assert refused.value.code == "no_target_fits"


def test_other_models_stand_in(world):
    gateway, a, _ = world
    a.set(options={"status": 500})
    assert ask(gateway, "simple", extra_body={"models": ["hard"]}) == "b"


def test_simple_requests_go_to_the_simple_target_and_hard_ones_to_the_strong_one(world):
    gateway, _, _ = world
    tools = [{"type": "function", "function": {"name": f"f{i}", "parameters": {"type": "object"}}} for i in range(10)]
    assert ask(gateway, "auto") == "a"
    with openai.OpenAI(**options(gateway, max_retries=0)) as client:
        hard = client.chat.completions.with_raw_response.create(
            model="auto", messages=[{"role": "user", "content": "prove it " * 4000}] * 8, tools=tools, reasoning_effort="high")
        assert hard.headers["x-sluice-provider"] == "b"

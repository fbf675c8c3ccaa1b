import asyncio
import json

import openai
import pydantic
import pytest
from conftest import options
from harness import wait_until

HELLO = [{"role": "user", "content": "hello"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


class Person(pydantic.BaseModel):
    name: str
    age: int
    tags: list[str]


def test_the_models_are_listed(client):
    listed = {model.id for model in client.models.list()}
    assert "meta-llama/llama-3:free" in listed


def test_a_model_with_a_slash_in_its_id_is_retrieved(client):
    model = client.models.retrieve("meta-llama/llama-3:free")
    assert (model.id, model.object) == ("meta-llama/llama-3:free", "model")


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as error:
        client.models.retrieve("no/such:model")
    assert error.value.code == "model_not_found"
    assert error.value.request_id


def test_a_chat_is_answered_with_usage(client):
    answer = client.chat.completions.create(model="fast", messages=HELLO)
    assert answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id


def test_a_stream_says_what_the_whole_answer_says(client):
    words = [{"role": "user", "content": "every word of this comes back"}]
    whole = client.chat.completions.create(model="echo", messages=words)
    chunks = list(client.chat.completions.create(model="echo", messages=words, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content == "every word of this comes back"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_carries_usage_only_if_asked(client):
    plain = list(client.chat.completions.create(model="fast", messages=HELLO, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in plain)
    asked = list(client.chat.completions.create(model="fast", messages=HELLO, stream=True,
                                                stream_options={"include_usage": True}))
    assert asked[-1].usage.completion_tokens > 0
    assert asked[-1].choices == []
    assert [chunk.usage for chunk in asked[:-1]] == [None] * (len(asked) - 1)


@pytest.mark.parametrize("model", ["comments", "openrouter", "azure", "deepseek", "groq", "moonshot", "crlf", "cr", "bom",
                                   "odd-sse", "bytes", "usage-null", "usage-missing", "usage-duplicate"])
def test_the_habits_of_providers_do_not_reach_the_sdk(client, model):
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices][-1] == "stop"


def test_a_tool_call_comes_whole(client):
    answer = client.chat.completions.create(model="tools", messages=HELLO, tools=[WEATHER])
    call = answer.choices[0].message.tool_calls[0]
    assert answer.choices[0].finish_reason == "tool_calls"
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments).keys() == {"city", "days"}


def test_the_arguments_of_tool_calls_are_streamed(client):
    chunks = client.chat.completions.create(model="parallel-tools", messages=HELLO, tools=[WEATHER], stream=True)
    calls, pieces = {}, 0
    for chunk in chunks:
        for part in chunk.choices[0].delta.tool_calls or []:
            call = calls.setdefault(part.index, {"id": part.id, "name": part.function.name, "arguments": ""})
            call["arguments"] += part.function.arguments or ""
            pieces += 1
    assert sorted(calls) == [0, 1]
    assert all(call["id"] and call["name"] == "get_weather" for call in calls.values())
    assert all(json.loads(call["arguments"]).keys() == {"city", "days"} for call in calls.values())
    assert pieces > 4


def test_the_stream_helper_assembles_a_tool_call(client):
    with client.chat.completions.stream(model="tools", messages=HELLO, tools=[WEATHER]) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "tool_calls.function.arguments.delta" in kinds
    assert final.choices[0].message.tool_calls[0].function.parsed_arguments.keys() == {"city", "days"}


def test_structured_output_is_parsed(client):
    answer = client.chat.completions.parse(model="fast", messages=HELLO, response_format=Person)
    assert isinstance(answer.choices[0].message.parsed, Person)


def test_structured_output_is_parsed_from_a_stream(client):
    with client.chat.completions.stream(model="fast", messages=HELLO, response_format=Person) as stream:
        stream.until_done()
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Person)


def test_several_choices_stay_apart(client):
    chunks = client.chat.completions.create(model="fast", messages=HELLO, n=3, stream=True)
    texts = {}
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
    assert sorted(texts) == [0, 1, 2] and all(texts.values())


def test_members_that_the_sdk_does_not_know_reach_the_upstream(client, lab):
    client.chat.completions.create(model="fast", messages=HELLO, extra_body={"vendor_field": {"pi": 3.140}})
    assert '"vendor_field"' in lab.last()["body_text"] and "3.14" in lab.last()["body_text"]


def test_closing_a_stream_cancels_the_upstream(client, lab):
    lab.reset()
    stream = client.chat.completions.create(model="slow", messages=HELLO, stream=True)
    next(iter(stream))
    stream.close()
    wait_until(lambda: lab.stats()["cancelled"] == 1, 2, what="the lab saw the cancel")
    assert lab.stats()["open_streams"] == 0


def test_the_async_client_streams_side_by_side(gateway):
    async def ask_all():
        async with openai.AsyncOpenAI(**options(gateway)) as client:
            async def one():
                stream = await client.chat.completions.create(model="fast", messages=HELLO, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            return await asyncio.gather(*(one() for _ in range(24)))

    texts = asyncio.run(ask_all())
    assert len(texts) == 24 and len(set(texts)) == 1 and texts[0]


def test_the_base_url_works_without_v1(gateway):
    settings = options(gateway) | {"base_url": f"http://127.0.0.1:{gateway.data}"}
    with openai.OpenAI(**settings) as client:
        assert client.chat.completions.create(model="fast", messages=HELLO).choices[0].message.content
        assert client.models.retrieve("meta-llama/llama-3:free").id

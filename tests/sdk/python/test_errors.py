import datetime
import time

import openai
import pytest
from conftest import options
from harness import SLOW, free_port, wait_until

HELLO = [{"role": "user", "content": "hello"}]

# what the upstream answers -> what the SDK raises, with which status and code
RAISED = [
    ("error-400", openai.BadRequestError, 400),
    ("error-404", openai.NotFoundError, 404),
    ("error-422", openai.UnprocessableEntityError, 422),
    ("error-429", openai.RateLimitError, 429),
    ("error-401", openai.InternalServerError, 502),  # the gateway's credential is at fault, not the caller's key
    ("error-403", openai.InternalServerError, 502),
    ("error-500", openai.InternalServerError, 502),
    ("error-502", openai.InternalServerError, 502),
    ("error-503", openai.InternalServerError, 503),
    ("error-529", openai.InternalServerError, 503),
    ("cut-in-header", openai.InternalServerError, 502),
    ("two-lengths", openai.InternalServerError, 502),
    ("html-200", openai.InternalServerError, 502),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model, kind, status", RAISED, ids=[row[0] for row in RAISED])
def test_an_upstream_failure_raises_its_class(once, model, kind, status, stream):
    with pytest.raises(kind) as error:
        once.chat.completions.create(model=f"bare{'-stream' * stream}/{model}", messages=HELLO, stream=stream)
    assert error.value.status_code == status
    assert error.value.code and error.value.type and error.value.request_id


def test_a_wrong_key_raises_authentication_error(gateway):
    with openai.OpenAI(**options(gateway, max_retries=0) | {"api_key": "sk-wrong"}) as client:
        with pytest.raises(openai.AuthenticationError) as error:
            client.models.list()
    assert error.value.code == "invalid_api_key"


def test_a_wrong_value_raises_bad_request_with_the_field(once):
    with pytest.raises(openai.BadRequestError) as error:
        once.chat.completions.create(model="fast", messages=HELLO, extra_body={"temperature": "hot"})
    assert (error.value.code, error.value.param) == ("invalid_value", "temperature")


def test_no_gateway_raises_connection_error():
    with openai.OpenAI(base_url=f"http://127.0.0.1:{free_port()}/v1", api_key="x", max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            client.models.list()


def test_a_timeout_of_the_sdk_raises_and_cancels_the_upstream(gateway, lab):
    lab.reset()
    with openai.OpenAI(**options(gateway, max_retries=0) | {"timeout": 1.0 * SLOW}) as client:
        with pytest.raises((openai.APITimeoutError, openai.InternalServerError)):
            client.chat.completions.create(model="bare/hang", messages=HELLO)
    wait_until(lambda: lab.stats()["cancelled"] >= 1, 3, what="the lab saw the cancel")


@pytest.mark.parametrize("model", ["cut", "cut-mid-event", "reset", "mid-error", "mid-error-plain", "mid-error-then-done",
                                   "mid-error-string-code", "bad-json", "huge-event", "no-finish-no-done"])
def test_a_failure_inside_a_stream_raises_after_the_text_so_far(client, model):
    text = ""
    with pytest.raises(openai.APIError) as error:
        paced = {"lab": {"per_token": "15ms"}}  # so that the first token is out when it fails
        for chunk in client.chat.completions.create(model=model, messages=HELLO, stream=True, extra_body=paced):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert text, "the text before the failure was not delivered"
    assert not isinstance(error.value, openai.APIConnectionError), "a broken connection instead of an error event"


def test_the_sdk_retries_a_rate_limit_after_the_wait_that_it_is_told(gateway, client, lab):
    lab.reset()
    began = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    started = time.monotonic()
    answer = client.chat.completions.create(
        model="bare/fast", messages=HELLO,
        extra_body={"lab": {"key": f"sdk-retry-{started}", "fail_first": 1,
                            "fail_with": {"status": 429, "retry_form": "ms", "retry_after": "300ms"}}})
    assert answer.choices[0].message.content
    assert time.monotonic() - started >= 0.3

    def entries():  # by time: lines of the test before may come late, and each worker writes its own
        return sorted((entry for entry in gateway.access_log() if entry["ts"] >= began), key=lambda entry: entry["ts"])

    wait_until(lambda: len(entries()) == 2, 3, what="two requests in the access log")
    assert [entry["status"] for entry in entries()] == [429, 200]


def test_the_sdk_does_not_repeat_what_cannot_help(gateway, client):
    before = len(gateway.access_log())
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(model="fast", messages=HELLO, n=10_000)
    wait_until(lambda: len(gateway.access_log()) > before, 3, what="an access log line")
    time.sleep(0.2)
    assert len(gateway.access_log()) == before + 1


def test_every_error_says_whether_to_retry(once):
    for model in ("error-413", "error-504", "bad-chunk", "length-and-chunked"):
        with pytest.raises(openai.APIStatusError) as error:
            once.chat.completions.create(model=f"bare/{model}", messages=HELLO)
        assert error.value.response.headers["x-should-retry"] in ("true", "false"), model

"""PROMISES.md R21: nothing that a client or an upstream says makes the gateway connect anywhere but to its configured
providers. A canary listens on every address of this machine; each payload points at it in one more way."""

import socket
import threading

import pytest
from harness import FORGIVING, Gateway, chat_body, config, request_bytes
from scripted import Scripted, chunk, error_body, event, head, sized, stream, whole

PIXEL = {"type": "image_url", "image_url": {"url": "URL"}}


class Canary:
    """Accepts on IPv4 and IPv6, counts, and hangs up."""

    def __init__(self):
        self.listener = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self.port = self.listener.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                visitor, _ = self.listener.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()


@pytest.fixture(scope="module")
def canary():
    canary = Canary()
    yield canary
    canary.listener.close()


# Ways to write "this machine", for every place that an address may stand in.
HOSTS = ["127.0.0.1", "localhost", "LOCALHOST.", "0.0.0.0", "0", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001",
         "0177.0.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "127.0.0.1.", "user@127.0.0.1",
         "api.openai.com@127.0.0.1", "127.0.0.1%2f", "①②⑦.0.0.1", "localhost.localdomain", "ip6-localhost"]


def urls(canary):
    return [f"http://{host}:{canary.port}/x" for host in HOSTS]


# Members of a body that other gateways, or SDKs, take for an address.
MEMBERS = {
    "api_base": "URL", "base_url": "URL", "baseURL": "URL", "endpoint": "URL", "url": "URL", "host": "URL", "proxy": "URL",
    "api_key": "URL", "callback_url": "URL", "webhook": {"url": "URL"}, "webhook_url": "URL", "fallbacks": [{"model": "m", "api_base": "URL"}],
    "extra_headers": {"Host": "URL", "X-Base-Url": "URL"}, "litellm_params": {"api_base": "URL"}, "provider": {"base_url": "URL"},
    "providers": ["URL"], "custom_llm_provider": "URL", "metadata": {"url": "URL"}, "user": "URL", "store": "URL",
    "tools": [{"type": "mcp", "server_label": "a", "server_url": "URL", "require_approval": "never"}],
    "tool_choice": {"type": "mcp", "server_url": "URL"}, "web_search_options": {"url": "URL"}, "file": {"url": "URL"},
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"$ref": "URL"}}},
    "prompt": {"url": "URL"}, "attachments": [{"url": "URL"}], "data_sources": [{"type": "azure_search", "parameters": {"endpoint": "URL"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "URL"}, PIXEL, {"type": "image_url", "image_url": "URL"},
                                     {"type": "input_image", "image_url": "URL"}, {"type": "file", "file": {"file_url": "URL", "url": "URL"}},
                                     {"type": "video_url", "video_url": {"url": "URL"}}, {"type": "audio_url", "audio_url": {"url": "URL"}},
                                     {"type": "image", "source": {"type": "url", "url": "URL"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "<img src=URL>"}],
}
FIELDS = ["X-Base-Url", "X-Api-Base", "X-Target-Url", "X-Upstream", "X-Portkey-Custom-Host", "X-Portkey-Config", "Helicone-Target-Url",
          "Helicone-OpenAI-Api-Base", "X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Url", "X-Rewrite-Url", "X-Host", "Forwarded",
          "X-Forwarded-For", "X-Real-Ip", "True-Client-Ip", "Referer", "Origin", "Proxy", "Via", "Location", "Destination", "Link",
          "Content-Location", "X-Sluice-Provider", "X-Sluice-Model", "X-Callback-Url", "X-Webhook", "OpenAI-Base-Url", "Authorization"]
STATUSES = [300, 301, 302, 303, 305, 307, 308]


def test_the_list_is_as_long_as_promised():
    assert len(HOSTS) + len(MEMBERS) + len(FIELDS) + len(STATUSES) >= 60


@pytest.fixture(scope="module")
def upstream(canary):
    """Answers that point at the canary, by redirect, by header and by content."""
    answers = {"good": sized(whole("fine"))}
    for status in STATUSES:
        for number, url in enumerate(urls(canary)):
            answers[f"redirect-{status}-{number}"] = head(f"Location: {url}".encode(), b"Content-Length: 0", status=b"HTTP/1.1 %d X" % status)
    url = urls(canary)[0].encode()
    hints = [b"Alt-Svc: http/1.1=\"127.0.0.1:%d\"; ma=9" % canary.port, b"Link: <" + url + b">; rel=preload", b"Refresh: 0; url=" + url,
             b"Content-Location: " + url, b"Location: " + url, b"Host: " + url, b"Proxy-Authenticate: Basic realm=x",
             b"X-Accel-Redirect: /x", b"Retry-After: " + url]
    answers["hints"] = sized(whole("fine"), *hints)
    answers["busy"] = head(b"Content-Length: 0", *hints, status=b"HTTP/1.1 503 X")
    answers["early"] = head(hints[1], status=b"HTTP/1.1 103 Early Hints") + sized(whole("fine"))
    answers["content"] = sized(whole(f"![x]({url.decode()})", images=[{"image_url": {"url": url.decode()}}]))
    answers["use-proxy"] = head(b"Location: " + url, b"Content-Length: 0", status=b"HTTP/1.1 305 Use Proxy")
    answers["events"] = sized(event(chunk(url.decode())) + b"id: " + url + b"\nretry: 1\n\n" + stream("x"), kind=b"text/event-stream")
    refusal = error_body(url.decode())
    answers["refusal"] = head(b"Content-Length: %d" % len(refusal), b"Location: " + url, status=b"HTTP/1.1 422 X") + refusal
    with Scripted(answers) as running:
        yield running


@pytest.fixture(scope="module")
def gateway(folder, lab, upstream):
    defaults = FORGIVING | {"retry": {"attempts": 1, "backoff": "1ms..2ms", "max_extra_load": "100%"}}
    settings = config(lab, providers={"lab": upstream.provider(type="custom")}, models={"good": "lab/good", "*": "lab/*"}, defaults=defaults)
    with Gateway(folder, settings, name="canary") as running:
        yield running


@pytest.fixture(autouse=True)
def nobody_comes(canary, gateway, upstream):
    before = canary.visits
    yield
    assert gateway.chat("good").content == "fine", "behind everything that the test caused"
    assert canary.visits == before, "the gateway connected to the canary"


def filled(value, url):
    if isinstance(value, str):
        return value.replace("URL", url)
    if isinstance(value, list):
        return [filled(each, url) for each in value]
    return {name: filled(each, url) for name, each in value.items()}


def test_the_canary_sings(canary):
    """A control: what connects is counted, on both families and by several spellings."""
    before = canary.visits
    for host in ("127.0.0.1", "localhost", "0", "::1", "::ffff:127.0.0.1"):
        socket.create_connection((host, canary.port), 2).close()
    while canary.visits < before + 5:
        pass
    canary.visits = before


@pytest.mark.parametrize("name", MEMBERS)
def test_an_address_in_a_body_is_passed_on_as_text(gateway, upstream, canary, name):
    for url in urls(canary):
        body = chat_body("good") | {name: filled(MEMBERS[name], url)}
        asked = len(upstream.requests)
        assert gateway.ask("POST", "/v1/chat/completions", body=body).status == 200
        assert len(upstream.requests) == asked + 1 and canary.port != upstream.port
        arrived = str(canary.port) in upstream.requests[-1][2]
        assert arrived == (name != "provider"), "what steers a router is for us; every other text arrives"


@pytest.mark.parametrize("name", FIELDS)
def test_an_address_in_a_field_goes_nowhere(gateway, upstream, canary, name):
    for url in urls(canary):
        value = {"Forwarded": f"host={url}", "Authorization": f"Bearer {url}", "Link": f"<{url}>"}.get(name, url)
        with gateway.raw() as connection:
            text = request_bytes("POST", "/v1/chat/completions", {"X-Place": "here"}, chat_body("good"))
            connection.send(text.replace(b"X-Place: here", f"{name}: {value}".encode()))
            assert connection.read().status == 200
        assert str(canary.port) not in upstream.requests[-1][1], "the field was passed on"


def test_an_address_in_host_or_target_goes_nowhere(gateway, upstream, canary):
    for host in HOSTS:
        authority = f"{host}:{canary.port}"
        for target, where in ((f"http://{authority}/v1/chat/completions", "a"), ("/v1/chat/completions", authority),
                              (f"//{authority}/v1/chat/completions", "a"), (f"/v1/chat/completions?url=http://{authority}/", "a")):
            with gateway.raw() as connection:
                connection.send(request_bytes("POST", "/TARGET", {"Host": "HOST"}, chat_body("good"))
                                .replace(b"/TARGET", target.encode(), 1).replace(b"HOST", where.encode(), 1))
                assert connection.read().status in (200, 400, 404)
        for line in (f"CONNECT {authority} HTTP/1.1", f"GET http://{authority}/v1/models HTTP/1.1", f"GET {authority} HTTP/1.1"):
            with gateway.raw() as connection:
                connection.send(line.encode() + b"\r\nHost: a\r\n\r\n")
                assert connection.read().status in (200, 400, 405)
    assert all(str(canary.port) not in text for _, text, _ in upstream.requests)


def test_an_address_as_a_model_goes_nowhere(gateway, upstream, canary):
    for url in urls(canary):
        for model in (url, url.removeprefix("http://"), f"good/{url}", f"lab/{url}", f"{url}/good", f"openai/{url}"):
            answer = gateway.chat(model)
            assert answer.status in (400, 404), answer  # a name of the star's: the upstream does not know it


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("status", STATUSES)
def test_a_redirect_is_never_followed(gateway, upstream, canary, status, streamed):
    for number, _ in enumerate(HOSTS):
        answer = gateway.chat(f"redirect-{status}-{number}", stream=streamed)
        assert (answer.status, answer.error["code"]) == (502, "upstream_invalid_response")
        assert answer.header("location") is None and str(canary.port) not in answer.text


@pytest.mark.parametrize("model", ["hints", "busy", "early", "content", "use-proxy", "events", "refusal"])
def test_an_address_in_an_answer_goes_nowhere(gateway, upstream, canary, model):
    answer = gateway.chat(model, stream=model == "events")
    assert answer.status in (200, 422, 502, 503)
    assert all(str(canary.port) not in value for _, value in answer.headers)

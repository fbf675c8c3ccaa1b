"""What an operator sees: metrics that promtool accepts, one log line per request, and headers that explain."""

import re
import shutil
import subprocess

import pytest
from harness import FORGIVING, PROMPT, Connection, Gateway, ask, config, isolated, provider, wait_until

SERIES = [
    "gen_ai_client_token_usage", "gen_ai_client_operation_duration_seconds", "gen_ai_client_operation_time_to_first_chunk_seconds",
    "gen_ai_server_request_duration_seconds", "gen_ai_server_time_to_first_token_seconds",
    "gen_ai_server_time_per_output_token_seconds", "sluice_requests_total", "sluice_in_flight_requests", "sluice_open_streams",
    "sluice_connections", "sluice_overhead_seconds", "sluice_upstream_attempts_total", "sluice_breaker_state",
    "sluice_build_info", "sluice_config_last_reload_successful", "sluice_config_last_reload_timestamp_seconds",
    "process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total", "process_start_time_seconds",
]


@pytest.fixture(scope="module")
def gateway(folder, lab):
    """Limits of one provider's key must not decide about the others."""
    providers, models = isolated(lab, ["error-429"])
    settings = config(lab, providers={"lab": provider(lab)} | providers, models=lab.models() | models, defaults=FORGIVING)
    with Gateway(folder, settings) as running:
        yield running


@pytest.fixture(scope="module")
def used(gateway):
    for model in ("fast", "error-500", "cut", "no/such", "error-429"):
        gateway.chat(model)
        gateway.chat(model, stream=True)
    return gateway


def page(gateway):
    return ask(gateway.admin, "GET", "/metrics")


def test_promtool_finds_nothing_to_complain_about(used):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed")
    done = subprocess.run(["promtool", "check", "metrics"], input=page(used).body, capture_output=True, timeout=30)
    assert done.returncode == 0 and not done.stdout and not done.stderr, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("name", SERIES)
def test_the_page_has_the_series(used, name):
    assert re.search(rf"^{name}(_bucket|_sum|_count)?[{{ ]", page(used).text, re.M), f"no series of {name}"


def test_the_page_has_its_type(used):
    assert page(used).header("content-type").startswith("text/plain; version=0.0.4")


def counted(gateway, expected, name, **labels):
    """A request is counted after its last byte has left: the client may ask for the metric before that."""
    wait_until(lambda: gateway.metric(name, **labels) == expected, what=f"{name} is {expected}")


def test_requests_are_counted_by_route_model_and_code(used):
    before = used.metric("sluice_requests_total", model="fast", code="200")
    used.chat()
    counted(used, before + 1, "sluice_requests_total", model="fast", code="200")


def test_attempts_are_counted_by_outcome(used):
    assert used.metric("sluice_upstream_attempts_total", provider="lab", outcome="ok") >= 2
    assert used.metric("sluice_upstream_attempts_total", provider="lab", outcome="5xx") + used.metric(
        "sluice_upstream_attempts_total", provider="lab", outcome="server_error") >= 2


def test_a_name_that_a_client_made_up_is_no_label(used):
    used.chat("made-up")
    used.ask("GET", "/made/up")
    before = len(used.metrics())
    for number in range(50):
        used.chat(f"made-up-{number}")
        used.ask("GET", f"/made/up/{number}")
    assert "made-up" not in page(used).text
    assert len(used.metrics()) == before


def test_nothing_is_in_flight_afterwards(used):
    counted(used, 0, "sluice_in_flight_requests")
    counted(used, 0, "sluice_open_streams")


def test_tokens_are_counted_per_provider(used):
    before = used.metric("gen_ai_client_token_usage_sum", gen_ai_token_type="output")
    answer = used.chat()
    counted(used, before + answer.json()["usage"]["completion_tokens"], "gen_ai_client_token_usage_sum", gen_ai_token_type="output")


def test_each_request_is_one_json_line(gateway):
    answer = gateway.chat(headers={"x-request-id": "mine-1"})
    assert answer.header("x-request-id") == "mine-1"
    entry = gateway.logged("mine-1")
    assert [line for line in gateway.access_log() if line["request_id"] == "mine-1"] == [entry]
    assert entry["method"] == "POST" and entry["status"] == 200 and entry["route"] == "/v1/chat/completions"
    assert entry["gen_ai.request.model"] == "fast" and entry["sluice.provider"] == "lab"
    assert entry["gen_ai.usage.input_tokens"] > 0 and entry["duration_ms"] >= 0
    assert entry["attempts"][0]["result"] == "ok"


@pytest.mark.parametrize("target, status", [("/nowhere", 404), ("/v1/models/nothing", 404)])
def test_refused_requests_are_logged_too(gateway, target, status):
    answer = gateway.ask("GET", target)
    assert gateway.logged(answer.header("x-request-id"))["status"] == status


def test_a_broken_request_is_logged_too(gateway):
    with gateway.raw() as connection:
        answer = connection.send(b"GET /v1/models HTTP/1.1\r\n\r\n").read()
    entry = gateway.logged(answer.header("x-request-id"))
    assert entry["status"] == 400


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "a/b", "a\"b"])
def test_a_request_id_that_is_not_safe_is_replaced(gateway, given):
    answer = gateway.ask("GET", "/v1/models", headers={"x-request-id": given})
    own = answer.header("x-request-id")
    assert own and own != given
    assert own != gateway.ask("GET", "/v1/models").header("x-request-id")


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_says_where_it_came_from(gateway, stream):
    answer = gateway.chat(stream=stream)
    assert answer.header("x-sluice-provider") == "lab"
    assert answer.header("x-sluice-model") == "fast"
    assert answer.header("x-sluice-attempts") == "1"
    assert re.search(r"\bgw;dur=[\d.]+", answer.header("server-timing"))
    assert answer.header("x-upstream-request-id").startswith("lab-")


@pytest.mark.parametrize("model", ["error-400", "error-500", "no/such"])
def test_every_error_has_the_headers_that_sdks_read(gateway, model):
    answer = gateway.chat(model)
    assert answer.error
    assert answer.header("x-should-retry") in ("true", "false")


def test_health_and_readiness(gateway):
    for path in ("/healthz", "/readyz"):
        assert ask(gateway.admin, "GET", path).status == 200
        assert ask(gateway.admin, "HEAD", path).status == 200
    assert ask(gateway.admin, "POST", "/readyz").status == 405
    assert ask(gateway.admin, "GET", "/v1/models").status == 404


def test_the_admin_port_refuses_broken_requests_too(gateway):
    with Connection(gateway.admin) as connection:
        assert connection.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").read().status == 400


def test_a_prompt_is_never_logged(gateway):
    gateway.chat(prompt=PROMPT)
    gateway.chat(prompt=PROMPT, stream=True)
    assert PROMPT not in gateway.out + gateway.err

"""The official Python SDK against a real gateway. Nothing in it is patched: only `base_url` points elsewhere."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "integration"))

import openai
import pytest
from alarm import pytest_runtest_call  # noqa: F401  a hook
from harness import CALLER_KEY, SLOW, Gateway, Lab, config, isolated, provider

KEYS = [{"name": "sdk", "value": CALLER_KEY}]


def pytest_configure(config):
    config.addinivalue_line("markers", "seconds(n): how long the test may take")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def gateway(tmp_path_factory, lab):
    defaults = {"breaker": {"min_requests": 100000, "consecutive": 100000}}
    # `bare/...` makes one attempt only, so that an upstream's failure reaches the SDK at once.
    providers, models = {"lab": provider(lab)}, {"meta-llama/llama-3:free": "lab/fast", **lab.models()}
    for prefix in ("bare/", "bare-stream/"):
        more_providers, more_models = isolated(lab, lab.models(), prefix, retry={"attempts": 0})
        providers, models = providers | more_providers, models | more_models
    settings = config(lab, providers=providers, models=models, keys=KEYS, defaults=defaults)
    with Gateway(tmp_path_factory.mktemp("gateway"), settings) as running:
        yield running


def options(gateway, **more):
    return {"base_url": f"http://127.0.0.1:{gateway.data}/v1", "api_key": CALLER_KEY, "timeout": 20 * SLOW, **more}


@pytest.fixture
def client(gateway):
    with openai.OpenAI(**options(gateway)) as client:
        yield client


@pytest.fixture
def once(gateway):
    """A client that does not retry by itself."""
    with openai.OpenAI(**options(gateway, max_retries=0)) as client:
        yield client

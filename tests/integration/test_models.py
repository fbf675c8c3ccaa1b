"""GET /v1/models: OpenAI's members, and what the catalogue knows about a model's targets."""

import pytest
from harness import PROVIDER_KEY, provider


@pytest.fixture
def listing(start, lab):
    """Providers of two shipped types at the lab's address; one that the catalogue knows nothing of."""
    providers = {
        "groq": {"type": "groq", "base_url": lab.url(), "api_key": PROVIDER_KEY},
        "cerebras": {"type": "cerebras", "base_url": lab.url(), "api_key": PROVIDER_KEY},
        "lab": {**provider(lab), "type": "custom"},
    }
    models = {
        "oss": ["groq/openai/gpt-oss-120b", "cerebras/gpt-oss-120b"],
        "own": "lab/fast",
        "groq/*": "groq/*",
    }
    prices = {"groq/openai/gpt-oss-120b": {"input": 0.15, "output": 0.6, "cached_input": 0.075}}
    return start(providers=providers, models=models, prices=prices)


def test_a_listed_model_says_what_all_its_targets_can_do(listing):
    cards = {card["id"]: card for card in listing.ask("GET", "/v1/models").json()["data"]}
    oss = cards["oss"]
    assert (oss["object"], oss["owned_by"]) == ("model", "groq") and oss["created"] > 1_700_000_000
    assert oss["context_length"] == 131072
    assert oss["capabilities"]["streaming_tools"] is False, "Cerebras can't"
    assert oss["pricing"] == {"prompt": "0.00000015", "completion": "0.0000006", "input_cache_read": "0.000000075"}
    assert len(cards) == len(listing.ask("GET", "/v1/models").json()["data"]), "no name twice"


def test_what_is_unknown_is_absent(listing):
    own = listing.ask("GET", "/v1/models/own").json()
    assert own.keys() == {"id", "object", "created", "owned_by"}


@pytest.mark.parametrize("path", ["/v1/models/groq/openai/gpt-oss-20b", "/v1/models/groq%2Fopenai%2Fgpt-oss-20b"])
def test_a_single_model_is_the_one_of_the_list(listing, path):
    cards = {card["id"]: card for card in listing.ask("GET", "/v1/models").json()["data"]}
    assert listing.ask("GET", path).json() == cards["groq/openai/gpt-oss-20b"]


def test_a_name_that_only_a_wildcard_covers_has_a_card_too(listing):
    card = listing.ask("GET", "/v1/models/groq/of-tomorrow").json()
    assert card["id"] == "groq/of-tomorrow" and "pricing" not in card

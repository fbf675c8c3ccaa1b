#include "server/api/model_cards.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice;
using namespace sluice::api;
using nlohmann::json;

namespace {

constexpr PricePerMillion dollars(double amount) { return {NanoUsd{static_cast<std::int64_t>(amount * 1e9 + 0.5)}}; }

/// Two providers of shipped types, and one that nobody knows.
Settings settings() {
    Settings all;
    for (char const* const type : {"groq", "cerebras", "custom"}) {
        all.providers[type].name = type;
        all.providers[type].type = type;
    }
    all.models.resize(4);
    all.models[0].name = "llama";
    all.models[0].targets = {{"groq", "openai/gpt-oss-120b"}, {"cerebras", "gpt-oss-120b"}};
    all.models[1].name = "own";
    all.models[1].targets = {{"custom", "x"}};
    all.models[2].name = "both";
    all.models[2].targets = {{"groq", "openai/gpt-oss-120b"}, {"custom", "x"}};
    all.models[3].name = "groq/*";
    all.models[3].targets = {{"groq", "*"}};
    all.models[3].listed = {"groq/openai/gpt-oss-20b"};
    all.prices["groq/openai/gpt-oss-120b"] = {
        .input = dollars(0.15), .output = dollars(0.6), .cached_input = dollars(0.075)};
    all.prices["groq/openai/gpt-oss-20b"] = {.input = dollars(0.075), .output = dollars(0.3)};
    return all;
}

json card_of(std::string const& name) {
    HealthRegistry health;
    auto const snapshot = Snapshot::make(settings(), health);
    return json::parse(
        model_card(*snapshot, name, snapshot->find_model(name).value(), std::chrono::sys_seconds(seconds(7))));
}

}  // namespace

TEST_CASE("a price per token is an exact decimal", "[models]") {
    CHECK(per_token(dollars(0.15)) == "0.00000015");
    CHECK(per_token(dollars(2.5)) == "0.0000025");
    CHECK(per_token({NanoUsd{1}}) == "0.000000000000001");
    CHECK(per_token(dollars(0)) == "0");
    CHECK(per_token(dollars(3'000'000)) == "3");
}

TEST_CASE("a model's card has OpenAI's members, and the first target's prices", "[models]") {
    auto const card = card_of("llama");
    CHECK(card["id"] == "llama");
    CHECK(card["object"] == "model");
    CHECK(card["created"] == 7);
    CHECK(card["owned_by"] == "groq");
    CHECK(card["pricing"] ==
          json{{"prompt", "0.00000015"}, {"completion", "0.0000006"}, {"input_cache_read", "0.000000075"}});
}

TEST_CASE("with several targets, a card promises what all of them can do", "[models]") {
    auto const card = card_of("llama");
    CHECK(card["context_length"] == 131072);
    CHECK(card["max_output_tokens"] == 40960);  // Groq's is 65536
    CHECK(card["capabilities"]["tools"] == true);
    CHECK(card["capabilities"]["streaming_tools"] == false);  // Groq can, Cerebras can't
    CHECK(card["capabilities"]["reasoning"] == true);
    CHECK_FALSE(card["capabilities"].contains("vision"));  // nobody says
}

TEST_CASE("what is unknown is absent", "[models]") {
    auto const own = card_of("own");
    for (char const* const member : {"context_length", "max_output_tokens", "pricing", "capabilities"}) {
        CAPTURE(member);
        CHECK_FALSE(own.contains(member));
    }
    CHECK_FALSE(card_of("both").value("capabilities", json::object()).contains("tools"));  // one target is unknown
}

TEST_CASE("a wildcard's card is about what its star stands for", "[models]") {
    CHECK(card_of("groq/openai/gpt-oss-20b")["pricing"]["prompt"] == "0.000000075");
    HealthRegistry health;
    auto const snapshot = Snapshot::make(settings(), health);
    std::vector<std::string> names;
    auto const made = ModelCards::of(*snapshot, {});
    for (auto const& card : made.cards()) names.push_back(card.name);
    CHECK(names == std::vector<std::string>{"llama", "own", "both", "groq/openai/gpt-oss-20b"});
}

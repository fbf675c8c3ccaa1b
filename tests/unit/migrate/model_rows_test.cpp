#include "server/cli/migrate/model_rows.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice;
using namespace sluice::cli;

TEST_CASE("the catalogue's models are filtered by provider, and by id or canonical name", "[models]") {
    auto const groq = catalogue_rows({.provider = "groq", .glob = {}});
    CHECK(groq.size() > 3);
    for (ModelRow const& row : groq) CHECK(row.provider == "groq");
    auto const llama = catalogue_rows({.provider = {}, .glob = "llama-3.3-70b"});
    CHECK(llama.size() > 3);
    for (ModelRow const& row : llama) {
        REQUIRE(row.known.canonical != nullptr);
        CHECK(row.known.canonical->name == "llama-3.3-70b");
    }
    CHECK(catalogue_rows({.provider = "groq", .glob = "groq/openai/*"}).size() > 0);
    CHECK(catalogue_rows({.provider = "groq", .glob = "no-such-*"}).empty());
}

TEST_CASE("what is unknown is a dash in the table and absent in JSON", "[models]") {
    std::vector<ModelRow> const rows{{.provider = "p", .id = "x"}};
    CHECK(to_table(rows) ==
          "PROVIDER  ID  CANONICAL  CONTEXT  OUTPUT  USD PER MILLION IN / OUT  DATE  SOURCE  CAPABILITIES\n"
          "p         x   -          -        -       -                         -     -       -\n");
    auto const json = nlohmann::json::parse(to_json(rows));
    CHECK(json == nlohmann::json::parse(R"([{"provider":"p","id":"x","capabilities":{}}])"));
}

TEST_CASE("with a configuration: what is served, with its own prices", "[models]") {
    Settings settings;
    settings.providers["g"].type = "groq";
    settings.models.resize(2);
    settings.models[0] = {.name = "fast",
                          .description = {},
                          .targets = {{"g", "llama-3.1-8b-instant"}, {"g", "other"}},
                          .timeout = {},
                          .retry = {},
                          .breaker = {},
                          .listed = {}};
    settings.models[1] = {.name = "g/*",
                          .description = {},
                          .targets = {{"g", "*"}},
                          .timeout = {},
                          .retry = {},
                          .breaker = {},
                          .listed = {"g/openai/gpt-oss-20b"}};
    settings.prices["g/other"] = {.input = {NanoUsd{1}}, .output = {NanoUsd{2}}};
    auto const rows = served_rows(settings, {});
    REQUIRE(rows.size() == 3);
    CHECK(rows[0].name == "fast");
    CHECK(rows[0].known.facts.context == 131072);
    CHECK(rows[1].is_own_price);
    CHECK(rows[2].name == "g/openai/gpt-oss-20b");
    CHECK(rows[2].id == "openai/gpt-oss-20b");
    CHECK_THAT(to_table(rows), Catch::StartsWith("MODEL "));
}

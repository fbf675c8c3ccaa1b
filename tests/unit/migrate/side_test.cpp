#include "server/cli/migrate/side.hpp"

#include <catch2/catch.hpp>

using namespace sluice::cli;

TEST_CASE("a side is a provider of the catalogue and a model, split at the first slash", "[migrate]") {
    auto const side = read_from("groq/openai/gpt-oss-120b");
    REQUIRE(side);
    CHECK(side->profile->name == "groq");
    CHECK(side->model == "openai/gpt-oss-120b");
    CHECK(side->hints.empty());
}

TEST_CASE("a provider alone stands for the same model there", "[migrate]") {
    auto const from = read_from("groq/llama-3.3-70b-versatile");
    REQUIRE(from);
    for (char const* const text : {"cerebras", "cerebras/"}) {
        auto const to = read_to(text, *from);
        REQUIRE(to);
        CHECK(to->model == "llama-3.3-70b");
        CHECK(to->hints.size() == 1);
    }
}

TEST_CASE("an id that the catalogue does not know is taken, with what was probably meant", "[migrate]") {
    auto const from = read_from("groq/llama-3.3-70b-versatil");
    REQUIRE(from);
    REQUIRE(from->hints.size() == 1);
    CHECK_THAT(from->hints[0], Catch::Contains("did you mean `llama-3.3-70b-versatile`"));
}

TEST_CASE("the id of another model is told beside the right one", "[migrate]") {
    auto const from = read_from("groq/llama-3.3-70b-versatile");
    REQUIRE(from);
    auto const to = read_to("cerebras/gpt-oss-120b", *from);
    REQUIRE(to);
    REQUIRE(to->hints.size() == 1);
    CHECK_THAT(to->hints[0], Catch::Contains("`llama-3.3-70b`"));
}

TEST_CASE("what names no provider or no model is refused, with what would be right", "[migrate]") {
    CHECK_THAT(read_from("grok/x").error(), Catch::Contains("did you mean `groq`"));
    CHECK_THAT(read_from("groq").error(), Catch::Contains("groq/MODEL"));
    auto const own = read_from("custom/mine");
    REQUIRE(own);
    CHECK_THAT(read_to("groq", *own).error(), Catch::Contains("groq/MODEL"));
}

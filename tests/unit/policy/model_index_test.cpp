#include "core/policy/model_index.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

TEST_CASE("a pattern's one star matches any text", "[models]") {
    struct Row {
        char const* pattern;
        char const* name;
        std::optional<std::string_view> star;
    };
    auto row = GENERATE(values<Row>({
        {"*", "gpt-5", "gpt-5"},
        {"*", "", ""},
        {"openai/*", "openai/gpt-5", "gpt-5"},
        {"openai/*", "openai/", ""},
        {"openai/*", "openai", std::nullopt},
        {"*-mini", "gpt-mini", "gpt"},
        {"a*a", "a", std::nullopt},
        {"a*a", "aa", ""},
        {"gpt-5", "gpt-5", ""},
        {"gpt-5", "gpt-55", std::nullopt},
        {"Gpt-*", "gpt-5", std::nullopt},
    }));
    CAPTURE(row.pattern, row.name);
    CHECK(match_wildcard(row.pattern, row.name) == row.star);
}

TEST_CASE("the star of a target takes what the model's star matched", "[models]") {
    auto [text, expected] = GENERATE(
        table<char const*, char const*>({{"*", "llama"}, {"meta/*:free", "meta/llama:free"}, {"fixed", "fixed"}}));
    CHECK(fill_star(text, "llama") == expected);
}

TEST_CASE("the exact name wins, then the pattern with the longest prefix, then the longest pattern", "[models]") {
    ModelIndex const index(
        {"*", "openai/*", "openai/gpt-*", "openai/gpt-5", "*-mini", "openai/gpt-*-mini", "openai/gpt-5"});
    auto [name, position, star] = GENERATE(table<char const*, int, char const*>({
        {"openai/gpt-5", 3, ""},
        {"openai/gpt-6", 2, "6"},
        {"openai/gpt-6-mini", 5, "6"},
        {"openai/o3", 1, "o3"},
        {"qwen-mini", 4, "qwen"},
        {"qwen", 0, "qwen"},
    }));
    CAPTURE(name);
    auto const found = index.find(name);
    REQUIRE(found);
    CHECK(found->position == static_cast<std::size_t>(position));
    CHECK(found->star == star);
}

TEST_CASE("a name that nothing matches is not found", "[models]") {
    CHECK_FALSE(ModelIndex({"a", "b*"}).find("c"));
    CHECK_FALSE(ModelIndex({}).find("c"));
}

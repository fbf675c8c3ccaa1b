#include "core/policy/allowed_models.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

TEST_CASE("of two lists of models the intersection is left", "[models]") {
    struct Row {
        AllowedModels own;
        AllowedModels bounds;
        AllowedModels both;
    };
    std::vector<Row> const rows{
        {{}, {}, {}},
        {{}, {"a"}, {"a"}},
        {{"a"}, {}, {"a"}},
        {{"a", "b"}, {"b", "c"}, {"b"}},
        {{"gpt-5", "x"}, {"gpt-*"}, {"gpt-5"}},
        {{"gpt-*"}, {"gpt-5", "x"}, {"gpt-5"}},
        {{"*"}, {"gpt-*"}, {"gpt-*"}},
        {{"gpt-*"}, {"gpt-*"}, {"gpt-*"}},
        {{"gpt-*"}, {"*-mini"}, no_models()},  // gpt-5-mini would fit both; no pattern says so
        {{"a"}, {"b"}, no_models()},
        {no_models(), {"*"}, no_models()},
    };
    for (auto const& row : rows) {
        CAPTURE(row.own, row.bounds);
        CHECK(models_within(row.own, row.bounds) == row.both);
    }
}

TEST_CASE("a list covers what it holds whole", "[models]") {
    CHECK(covers({}, "anything*"));
    CHECK(covers({"gpt-*"}, "gpt-5"));
    CHECK(covers({"gpt-*"}, "gpt-5-*"));
    CHECK_FALSE(covers({"gpt-5-*"}, "gpt-*"));
    CHECK_FALSE(covers({"a"}, "*"));
    CHECK_FALSE(covers(no_models(), "a"));
}

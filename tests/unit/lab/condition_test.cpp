#include "server/lab/condition.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace sluice::lab;
using nlohmann::json;

namespace {

bool hold(char const* conditions, char const* request, char const* owner = "{}") {
    return all_hold(json::parse(conditions), json::parse(request), json::parse(owner));
}

}  // namespace

TEST_CASE("conditions are lists of values and the words of provider profiles", "[lab][provider]") {
    auto [conditions, request, expected] = GENERATE(table<char const*, char const*, bool>({
        {R"({"n":["> 1"]})", R"({"n":2})", false},
        {R"({"n":"> 1"})", R"({"n":2})", true},
        {R"({"n":"> 1"})", R"({"n":1})", false},
        {R"({"n":"> 1"})", R"({})", false},
        {R"({"n":">= 2"})", R"({"n":2.0})", true},
        {R"({"t":"< 0.3"})", R"({"t":0})", true},
        {R"({"t":"<= 0"})", R"({"t":-1})", true},
        {R"({"a":"present"})", R"({"a":false})", true},
        {R"({"a":"present"})", R"({"a":null})", false},
        {R"({"a":"absent"})", R"({"a":null})", true},
        {R"({"a":"absent"})", R"({})", true},
        {R"({"tools":"empty"})", R"({"tools":[]})", true},
        {R"({"tools":"empty"})", R"({"tools":[1]})", false},
        {R"({"a":"empty"})", R"({"a":""})", true},
        {R"({"a":"object"})", R"({"a":{}})", true},
        {R"({"a":"boolean"})", R"({"a":1})", false},
        {R"({"a":[1,"x",null]})", R"({"a":null})", true},
        {R"({"u":"^data:"})", R"({"u":"data:image/png"})", true},
        {R"({"u":"not ^data:"})", R"({"u":"https://x"})", true},
        {R"({"u":"not ^data:"})", R"({})", false},
        {R"({"u":"alphanumeric 3"})", R"({"u":"abcd"})", false},
        {R"({"u":"not alphanumeric 3"})", R"({"u":"a-b"})", true},
        {R"({"u":"has JSON"})", R"({"u":"some json, please"})", true},
        {R"({"u":"not has JSON"})", R"({"u":"words"})", true},
        {R"({"u":"ends tool"})", R"({"u":"user tool"})", true},
        {R"({"u":"blank"})", R"({"u":" \n"})", true},
        {R"({"stop":"length > 4"})", R"({"stop":[1,2,3,4,5]})", true},
        {R"({"m[].role":["tool"],"n":"absent"})", R"({"m":[{"role":"user"},{"role":"tool"}]})", true},
    }));
    CAPTURE(conditions, request);
    CHECK(hold(conditions, request) == expected);
}

TEST_CASE("a path with a dot in front starts beside the field", "[lab][provider]") {
    CHECK(hold(R"({".role":["assistant"],".reasoning_content":"absent"})", R"({"role":"user"})",
               R"({"role":"assistant"})"));
    CHECK_FALSE(any_holds(json::parse(R"({".role":["tool"]})"), json::parse(R"({"role":"tool"})"), json::object()));
}

TEST_CASE("what is no condition is said", "[lab][provider]") {
    CHECK(problem_of_condition(json::parse(R"("> 1")")).empty());
    CHECK(problem_of_condition(json::parse(R"(["a"])")).empty());
    CHECK_FALSE(problem_of_condition(json::parse(R"("presnt")")).empty());
    CHECK_FALSE(problem_of_condition(json::parse(R"("not nonsense")")).empty());
    CHECK_FALSE(problem_of_condition(json::parse("7")).empty());
}

TEST_CASE("a star in a pattern stands for any text", "[lab][provider]") {
    CHECK(matches_pattern("openai/gpt-oss-*", "openai/gpt-oss-120b"));
    CHECK(matches_pattern("*:free", "a/b:free"));
    CHECK(matches_pattern("*", ""));
    CHECK_FALSE(matches_pattern("gpt-5*", "gpt-4o"));
}

#include "server/lab/example_value.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using sluice::lab::example_value;
using json = nlohmann::ordered_json;

TEST_CASE("an example value satisfies its schema", "[lab]") {
    auto [schema, value] = GENERATE(table<char const*, char const*>({
        {R"({"type":"string"})", R"("example")"},
        {R"({"type":"integer","minimum":50})", "50"},
        {R"({"type":["null","string"]})", "null"},
        {R"({"enum":["red","blue"]})", R"("red")"},
        {R"({"const":7})", "7"},
        {R"({"type":"array","minItems":2,"items":{"type":"boolean"}})", "[true,true]"},
        {R"({"anyOf":[{"type":"null"},{"type":"string"}]})", "null"},
        {R"({"$defs":{"A":{"type":"object","properties":{"x":{"type":"number"}}}},"$ref":"#/$defs/A"})",
         R"({"x":1.5})"},
        {R"({"type":"object","properties":{"b":{"type":"string","maxLength":3},"a":{"type":"string","format":"date"}}})",
         R"({"b":"exa","a":"2026-01-01"})"},
    }));
    CAPTURE(schema);
    CHECK(example_value(json::parse(schema)).dump() == value);
}

TEST_CASE("a schema that contains itself comes to an end", "[lab]") {
    auto schema = json::parse(R"({"type":"object","properties":{"next":{"$ref":"#"}}})");
    CHECK(example_value(schema).contains("next"));
}

TEST_CASE("a schema that is none does no harm", "[lab]") {
    CHECK_NOTHROW(example_value(json::parse(R"({"type":"array","minItems":"many","items":{}})")));
    CHECK_NOTHROW(example_value(json::parse("[1,2]")));
}

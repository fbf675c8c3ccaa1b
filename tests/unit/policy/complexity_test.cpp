#include "core/policy/complexity.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

TEST_CASE("a greeting is 0, and everything together 100", "[complexity]") {
    CHECK(complexity_of({.input_tokens = 20, .messages = 1}) == 0);
    Capabilities all;
    all.bits = 0xFFFF;
    CHECK(complexity_of(
              {.needs = all, .input_tokens = 1'000'000, .output_tokens = 100'000, .messages = 100, .tools = 50}) ==
          100);
}

TEST_CASE("each fact adds its points", "[complexity]") {
    auto needs = [](Capability capability) {
        Capabilities set;
        set.add(capability);
        return set;
    };
    auto [facts, points] = GENERATE_COPY(table<RequestFacts, unsigned>({
        {{.input_tokens = 100}, 5},
        {{.input_tokens = 199}, 5},
        {{.input_tokens = 200}, 10},
        {{.input_tokens = 6'400}, 35},
        {{.input_tokens = 100'000}, 35},
        {{.output_tokens = 500}, 5},
        {{.output_tokens = 2'000}, 15},
        {{.messages = 7}, 5},
        {{.messages = 50}, 10},
        {{.tools = 1}, 11},
        {{.tools = 99}, 20},
        {{.needs = needs(Capability::json_schema)}, 10},
        {{.needs = needs(Capability::json_object)}, 5},
        {{.needs = needs(Capability::reasoning)}, 20},
        {{.needs = needs(Capability::vision)}, 10},
    }));
    CHECK(complexity_of(facts) == points);
}

#include <catch2/catch.hpp>

#include "core/types/field_path.hpp"
#include "core/types/parameter_rule.hpp"

using namespace sluice;

TEST_CASE("patterns of models: the first that fits decides", "[parameters]") {
    using Patterns = std::vector<std::string>;
    CHECK(matches_model({}, "anything"));
    CHECK(matches_model({"gpt-5*"}, "gpt-5-mini"));
    CHECK_FALSE(matches_model({"gpt-5*"}, "gpt-4o"));
    CHECK(matches_model({"*kimi*k2*"}, "moonshotai/kimi-k2-instruct"));
    CHECK_FALSE(matches_model({"*kimi*k2"}, "moonshotai/kimi-k2-instruct"));
    CHECK_FALSE(matches_model(Patterns{"!gpt-5-chat*", "gpt-5*"}, "gpt-5-chat-latest"));
    CHECK(matches_model(Patterns{"!gpt-5-chat*", "gpt-5*"}, "gpt-5"));
    CHECK_FALSE(matches_model(Patterns{"!a"}, "b"));
    CHECK(matches_model(Patterns{"!a", "*"}, "b"));
    CHECK(matches_model({""}, ""));
}

TEST_CASE("paths are member names, lists and any depth", "[parameters]") {
    CHECK(steps_of("a").size() == 1);
    CHECK(steps_of("messages[].content[].text").size() == 5);
    CHECK(steps_of("tools[].function.parameters.**.$schema").size() == 6);
    for (auto const* wrong : {"", ".", "a.", ".a", "a..b", "a[]", "[].a", "a[0]", "a.**", "**.a"}) {
        CAPTURE(wrong);
        CHECK(steps_of(wrong).empty());
    }
}

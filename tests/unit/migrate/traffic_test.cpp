#include "server/cli/migrate/traffic.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/migrate/switch.hpp"

using namespace sluice;
using namespace sluice::cli;
using namespace sluice::cli::testing;

namespace {

std::string chat(std::string const& more = "", std::string const& content = "\"12345678\"") {
    return R"({"model":"m","messages":[{"role":"user","content":)" + content + "}]" + (more.empty() ? "" : "," + more) +
           "}";
}

}  // namespace

TEST_CASE("a line is a request, an object with one, or usage alone", "[migrate]") {
    Switch const both;
    Traffic traffic(both.from, both.to);
    traffic.add(chat());
    traffic.add(R"({"request":)" + chat() + "}");
    traffic.add(R"({"body":)" + chat() + R"(,"usage":{"prompt_tokens":1,"completion_tokens":1}})");
    traffic.add(R"({"request":"{\"model\":\"m\",\"messages\":[]}"})");
    traffic.add(R"({"msg":"request","gen_ai.usage.input_tokens":3,"gen_ai.usage.output_tokens":4})");
    traffic.add("");
    traffic.add("  \r");
    CHECK(traffic.lines == 7);
    CHECK(traffic.requests + traffic.usage_only + traffic.bad == 5);
    CHECK(traffic.usage_only == 1);
    CHECK(traffic.with_usage == 2);
}

TEST_CASE("a bad line is counted with its number and its fault, and the rest goes on", "[migrate]") {
    Switch const both;
    Traffic traffic(both.from, both.to);
    for (char const* const line :
         {"not JSON", "[]", "{}", R"({"messages":5})", "\xFF\xFE", R"({"request":{"model":7}})"})
        traffic.add(line);
    traffic.add(chat());
    CHECK(traffic.bad == 6);
    CHECK(traffic.requests == 1);
    REQUIRE(traffic.bad_lines.size() == 6);
    CHECK(traffic.bad_lines[0].number == 1);
    CHECK(traffic.bad_lines[0].message == "not JSON");
    CHECK_FALSE(traffic.bad_lines[3].message.empty());
}

TEST_CASE("of many bad lines the first are kept", "[migrate]") {
    Switch const both;
    Traffic traffic(both.from, both.to);
    for (int i = 0; i < 100; ++i) traffic.add("x");
    CHECK(traffic.bad == 100);
    CHECK(traffic.bad_lines.size() == Traffic::most_bad_lines);
}

TEST_CASE("each request is rewritten for both sides; what the target adds is counted by field", "[migrate]") {
    Switch const both("[{ field: user, do: drop }]",
                      "[{ field: seed, do: drop }, { field: user, do: drop }, { field: n, when: { n: \"> 1\" }, do: "
                      "reject, why: one },"
                      " { field: max_tokens, do: rename, to: max_completion_tokens }]");
    Traffic traffic(both.from, both.to);
    traffic.add(chat());
    traffic.add(chat(R"("user":"u","max_tokens":5)"));
    traffic.add(chat(R"("seed":1,"user":"u")"));
    traffic.add(chat(R"("seed":1,"n":2)"));
    CHECK(traffic.unchanged == 2);
    CHECK(traffic.changed == 1);
    CHECK(traffic.refused == 1);
    REQUIRE(traffic.fields.contains("n refused"));
    CHECK(traffic.fields.at("n refused").why == "one");
    REQUIRE(traffic.fields.contains("seed dropped"));
    CHECK_FALSE(traffic.fields.contains("user dropped"));
    CHECK_FALSE(traffic.fields.contains("max_tokens renamed"));
}

TEST_CASE("what the source refuses as well is not the target's", "[migrate]") {
    auto const rule = "[{ field: n, when: { n: \"> 1\" }, do: reject }]";
    Switch const both(rule, rule);
    Traffic traffic(both.from, both.to);
    traffic.add(chat(R"("n":2)"));
    CHECK(traffic.refused == 0);
    CHECK(traffic.refused_before == 1);
}

TEST_CASE("tools, streams of them, images and schemas are counted", "[migrate]") {
    Switch const both;
    Traffic traffic(both.from, both.to);
    std::string const tools = R"("tools":[{"type":"function","function":{"name":"f"}}])";
    traffic.add(chat(tools));
    traffic.add(chat(tools + R"(,"stream":true,"tool_choice":"required")"));
    traffic.add(chat("", R"([{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"data:"}}])"));
    traffic.add(chat(R"("response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{}}})"));
    CHECK(traffic.with_tools == 2);
    CHECK(traffic.streaming_tools == 1);
    CHECK(traffic.requires_tool == 1);
    CHECK(traffic.with_images == 1);
    CHECK(traffic.with_json_schema == 1);
}

TEST_CASE("a prompt is estimated at 4 bytes to a token, unless its usage is there", "[migrate]") {
    Switch both;
    both.to.known.facts.context = 3;
    Traffic traffic(both.from, both.to);
    traffic.add(chat());  // 8 bytes and the role's: at most 4 tokens
    auto const estimated = traffic.over_context;
    traffic.add(R"({"request":)" + chat() + R"(,"usage":{"prompt_tokens":3,"completion_tokens":0}})");
    CHECK(traffic.over_context == estimated);
    traffic.add(R"({"request":)" + chat() + R"(,"usage":{"prompt_tokens":2,"completion_tokens":2}})");
    CHECK(traffic.over_context == estimated + 1);
    traffic.add(R"({"request":)" + chat(R"("max_tokens":2)") +
                R"(,"usage":{"prompt_tokens":2,"completion_tokens":1}})");
    CHECK(traffic.over_context == estimated + 2);
    CHECK(traffic.without_usage == 1);
}

TEST_CASE("an answer longer than the target gives is counted", "[migrate]") {
    Switch both;
    both.to.known.facts.max_output = 100;
    Traffic traffic(both.from, both.to);
    traffic.add(chat(R"("max_tokens":100)"));
    traffic.add(chat(R"("max_tokens":101)"));
    CHECK(traffic.over_output == 1);
}

TEST_CASE("the cost is exact on both sides, tiers and cached input included", "[migrate]") {
    Switch both;
    both.new_row.prices =
        PriceSheet{.input = {NanoUsd{1'000'000'000}},
                   .output = {NanoUsd{2'000'000'000}},
                   .cached_input = PricePerMillion{NanoUsd{500'000'000}},
                   .tiers = {{.above = 1000, .input = {NanoUsd{4'000'000'000}}, .output = {NanoUsd{8'000'000'000}}}}};
    Traffic traffic(both.from, both.to);
    traffic.add(
        R"({"usage":{"prompt_tokens":1000,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":200}}})");
    CHECK(traffic.cost_from == NanoUsd{1000 * 1000 + 10 * 2000});
    CHECK(traffic.cost_to == NanoUsd{800 * 1000 + 200 * 500 + 10 * 2000});
    traffic.add(R"({"usage":{"prompt_tokens":1001,"completion_tokens":10}})");
    CHECK(traffic.cost_to == NanoUsd{800 * 1000 + 200 * 500 + 10 * 2000 + 1001 * 4000 + 10 * 8000});
}

TEST_CASE("absurd counts do not wrap around", "[migrate]") {
    Switch both;
    both.new_row.prices->input.value.count = 1'000'000'000'000'000;
    Traffic traffic(both.from, both.to);
    for (int i = 0; i < 20; ++i) traffic.add(R"({"usage":{"prompt_tokens":1e300,"completion_tokens":-5}})");
    CHECK(traffic.cost_to == NanoUsd{std::numeric_limits<std::int64_t>::max()});
    CHECK(traffic.tokens.output == 0);
}

#include "providers/openai/usage_reader.hpp"

#include <catch2/catch.hpp>
#include <ostream>
#include <string>

#include "core/json/json_index.hpp"

namespace sluice {
std::ostream& operator<<(std::ostream& out, Usage const& u) {
    return out << "in " << u.input << " out " << u.output << " cached " << u.cached_input << " written "
               << u.cache_write << " reasoning " << u.reasoning << " audio " << u.audio_input << "/" << u.audio_output;
}
}  // namespace sluice

using namespace sluice;

namespace {

std::optional<Usage> usage_of(std::string const& text) {
    JsonIndex index;
    auto const value = index.read(text);
    REQUIRE(value);
    auto const read = openai::read_usage(*value);
    return read ? std::optional(read->usage) : std::nullopt;
}

Usage counts(std::int64_t input, std::int64_t output, std::int64_t cached = 0, std::int64_t written = 0,
             std::int64_t reasoning = 0) {
    return {.input = input,
            .output = output,
            .cached_input = cached,
            .cache_write = written,
            .reasoning = reasoning,
            .source = UsageSource::provider};
}

}  // namespace

TEST_CASE("a usage object is read in OpenAI's meaning, whoever wrote it", "[usage]") {
    auto const [name, text, usage] = GENERATE(table<char const*, std::string, Usage>({
        {"plain", R"({"prompt_tokens":9,"completion_tokens":12,"total_tokens":21})", counts(9, 12)},
        {"zero is a count", R"({"prompt_tokens":0,"completion_tokens":0,"total_tokens":0})", counts(0, 0)},
        {"OpenAI's details",
         R"({"prompt_tokens":20,"completion_tokens":12,"prompt_tokens_details":{"cached_tokens":8,"cache_write_tokens":4},"completion_tokens_details":{"reasoning_tokens":5}})",
         counts(20, 12, 8, 4, 5)},
        {"details may be null",
         R"({"prompt_tokens":20,"completion_tokens":12,"prompt_tokens_details":null,"completion_tokens_details":null})",
         counts(20, 12)},
        {"xAI: reasoning beside the output",
         R"({"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}})",
         counts(32, 103, 0, 0, 94)},
        {"xAI: little reasoning beside the output",
         R"({"prompt_tokens":32,"completion_tokens":9,"total_tokens":46,"completion_tokens_details":{"reasoning_tokens":5}})",
         counts(32, 14, 0, 0, 5)},
        {"xAI: cached beside the prompt",
         R"({"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":10}})",
         counts(13, 1, 10)},
        {"DeepSeek: cache hits",
         R"({"prompt_tokens":30,"completion_tokens":1,"prompt_cache_hit_tokens":20,"prompt_cache_miss_tokens":10})",
         counts(30, 1, 20)},
        {"Moonshot: cached on top", R"({"prompt_tokens":30,"completion_tokens":1,"cached_tokens":20})",
         counts(30, 1, 20)},
        {"Alibaba: cache writes",
         R"({"prompt_tokens":30,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":2,"cache_creation_input_tokens":20}})",
         counts(30, 1, 2, 20)},
        {"the names of the Responses API", R"({"input_tokens":3,"output_tokens":4})", counts(3, 4)},
        {"what is missing follows from the total", R"({"prompt_tokens":3,"total_tokens":10})", counts(3, 7)},
        {"a total alone is input", R"({"total_tokens":10})", counts(10, 0)},
        {"numbers with a point", R"({"prompt_tokens":3.0,"completion_tokens":4.0})", counts(3, 4)},
        {"negative is unknown", R"({"prompt_tokens":-1,"completion_tokens":4})", counts(0, 4)},
        {"absurd is capped", R"({"prompt_tokens":1e300,"completion_tokens":4})", counts(1'000'000'000'000, 4)},
        {"wrong types are read over", R"({"prompt_tokens":"9","completion_tokens":12,"prompt_tokens_details":[1]})",
         counts(0, 12)},
    }));
    CAPTURE(name);
    REQUIRE(usage_of(text));
    CHECK(*usage_of(text) == usage);
}

TEST_CASE("audio is counted apart", "[usage]") {
    auto const usage = usage_of(
        R"({"prompt_tokens":9,"completion_tokens":8,"prompt_tokens_details":{"audio_tokens":3},"completion_tokens_details":{"audio_tokens":4}})");
    REQUIRE(usage);
    CHECK(usage->audio_input == 3);
    CHECK(usage->audio_output == 4);
}

TEST_CASE("an object without a count is no usage", "[usage]") {
    CHECK_FALSE(usage_of("{}"));
    CHECK_FALSE(usage_of("[]"));
    CHECK_FALSE(usage_of(R"({"prompt_tokens":null,"x":1})"));
}

TEST_CASE("what a provider charges is read exactly, and rounded up", "[usage]") {
    auto const [members, cost] = GENERATE(table<std::string, std::optional<NanoUsd>>({
        {R"("cost":0.0000123)", NanoUsd{12'300}},
        {R"("cost":0)", NanoUsd{0}},
        {R"("cost":1.5E-10)", NanoUsd{1}},
        {R"("cost_in_usd_ticks":37756000)", NanoUsd{3'775'600}},
        {R"("cost_in_usd_ticks":1)", NanoUsd{1}},
        {R"("estimated_cost":4.2e-06)", NanoUsd{4'200}},
        {R"("estimated_cost":1,"cost":2)", NanoUsd{2'000'000'000}},
        {R"("cost_in_usd_ticks":10,"cost":2)", NanoUsd{2'000'000'000}},
        {R"("cost":-1)", std::nullopt},
        {R"("cost":null)", std::nullopt},
        {R"("cost":"1")", std::nullopt},
        {R"("cost":{"total_cost":1})", std::nullopt},
        {R"("cost":1e300)", std::nullopt},
    }));
    CAPTURE(members);
    auto const usage = usage_of("{\"prompt_tokens\":1," + members + "}");
    REQUIRE(usage);
    CHECK((usage->reported_cost == cost));
}

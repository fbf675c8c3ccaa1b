#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "support.hpp"

using namespace sluice::lab;
using namespace std::chrono_literals;

TEST_CASE("durations are read with their unit", "[lab][options]") {
    auto [text, value] = GENERATE(table<char const*, Duration>({{"200ms", 200ms},
                                                                {"1.5s", 1500ms},
                                                                {"80us", 80us},
                                                                {"2m", 2min},
                                                                {"7", 7ms},
                                                                {" 3 s ", 3s},
                                                                {"forever", forever}}));
    CAPTURE(text);
    CHECK(parse_duration(text).value() == value);
}

TEST_CASE("what is no duration is refused", "[lab][options]") {
    auto text = GENERATE("", "ms", "-1s", "1 fortnight", "nan", "1e99s");
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
}

TEST_CASE("distributions are read and drawn within their bounds", "[lab][options]") {
    auto uniform = parse_distribution("uniform(10ms, 20ms)").value();
    Random random(7);
    for (int i = 0; i < 1000; ++i) {
        auto drawn = draw(uniform, random);
        REQUIRE(drawn >= 10ms);
        REQUIRE(drawn <= 20ms);
    }
    CHECK(parse_distribution("5ms").value() == Distribution{.low = 5ms});
    CHECK_FALSE(parse_distribution("uniform(20ms, 10ms)").has_value());
    CHECK_FALSE(parse_distribution("gauss(1ms, 2ms)").has_value());
}

TEST_CASE("half of a lognormal lies below its median", "[lab][options]") {
    auto lognormal = parse_distribution("lognormal(100ms, 0.5)").value();
    Random random(7);
    int below = 0;
    for (int i = 0; i < 10'000; ++i) below += draw(lognormal, random) < 100ms ? 1 : 0;
    CHECK(below > 4800);
    CHECK(below < 5200);
}

TEST_CASE("sizes are read with their unit", "[lab][options]") {
    CHECK(parse_size("300").value() == 300);
    CHECK(parse_size("100KB").value() == 100'000);
    CHECK(parse_size("1MiB").value() == 1'048'576);
    CHECK_FALSE(parse_size("big").has_value());
}

TEST_CASE("a wrong option is named in the error", "[lab][options]") {
    auto [json, name] = GENERATE(table<char const*, char const*>({
        {R"({"tockens":3})", "tockens"},
        {R"({"tokens":"many"})", "tokens"},
        {R"({"usage":"sometimes"})", "usage"},
        {R"({"ttft":"soon"})", "ttft"},
        {R"({"bom":1})", "bom"},
        {R"({"status":42})", "status"},
        {R"({"fail_first":1,"fail_with":{"oops":1}})", "oops"},
    }));
    CAPTURE(json);
    auto options = read_options(nlohmann::json::parse(json));
    REQUIRE_FALSE(options.has_value());
    CHECK(options.error().find(name) != std::string::npos);
}

TEST_CASE("a rate is a time per token", "[lab][options]") {
    CHECK(options_from(R"({"rate":50})").per_token == Distribution{.low = 20ms});
}

TEST_CASE("what the failure does not say it takes from the options around it", "[lab][options]") {
    auto options = options_from(R"({"tokens":3,"fail_first":2,"fail_with":{"status":503}})");
    REQUIRE(options.failure);
    CHECK(options.failure->status == 503);
    CHECK(options.failure->tokens == 3);
    CHECK(options.failure->fail_first == 0);
}

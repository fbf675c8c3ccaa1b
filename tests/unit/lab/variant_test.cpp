#include <catch2/catch.hpp>

#include "server/lab/variant.hpp"
#include "support.hpp"

using namespace sluice::lab;

TEST_CASE("the first attempts fail and the next one succeeds", "[lab]") {
    auto options = options_from(R"({"fail_first":2,"fail_with":{"status":503}})");
    Random random(1);
    CHECK(choose_variant(options, "", 1, random).status == 503);
    CHECK(choose_variant(options, "", 2, random).status == 503);
    CHECK(choose_variant(options, "", 3, random).status == 200);
}

TEST_CASE("a share of the attempts fails", "[lab]") {
    auto options = options_from(R"({"fail_ratio":0.25})");
    Random random(1);
    int failed = 0;
    for (int i = 0; i < 10'000; ++i) failed += choose_variant(options, "", 1, random).status == 500 ? 1 : 0;
    CHECK(failed > 2300);
    CHECK(failed < 2700);
}

TEST_CASE("a key that is not accepted gets a 401", "[lab]") {
    auto options = options_from(R"({"accept_keys":["a","b"]})");
    Random random(1);
    CHECK(choose_variant(options, "a", 1, random).status == 200);
    CHECK(choose_variant(options, "c", 1, random).status == 401);
    CHECK(choose_variant(options, "", 1, random).status == 401);
}

TEST_CASE("a key can have its own faults", "[lab]") {
    auto options = options_from(R"({"tokens":5,"keys":{"a":{"status":429,"retry_form":"ms"}}})");
    Random random(1);
    CHECK(choose_variant(options, "a", 1, random).status == 429);
    CHECK(choose_variant(options, "a", 1, random).tokens == 5);
    CHECK(choose_variant(options, "b", 1, random).status == 200);
}

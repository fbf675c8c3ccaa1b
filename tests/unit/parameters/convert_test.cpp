#include "providers/parameters/convert.hpp"

#include <catch2/catch.hpp>

using namespace sluice::parameters;

TEST_CASE("an effort is rounded to the nearest that is allowed, down when two are equally far", "[parameters]") {
    CHECK(nearest_effort("xhigh", {"low", "medium", "high"}) == "high");
    CHECK(nearest_effort("minimal", {"low", "medium", "high"}) == "low");
    CHECK(nearest_effort("medium", {"low", "high"}) == "low");
    CHECK(nearest_effort("max", {"none", "high"}) == "high");
    CHECK(nearest_effort("none", {"low", "high"}) == std::nullopt);
    CHECK(nearest_effort("low", {"none"}) == std::nullopt);
    CHECK(nearest_effort("enormous", {"low"}) == std::nullopt);
}

TEST_CASE("ids of nine letters and digits: stable, and left alone when they fit", "[parameters]") {
    CHECK(nine_alphanumerics("abcDEF123") == "abcDEF123");
    auto const made = nine_alphanumerics("call_abcdefghij");
    CHECK(made.size() == 9);
    CHECK(nine_alphanumerics("call_abcdefghij") == made);
    CHECK(nine_alphanumerics("call_abcdefghik") != made);
    CHECK(nine_alphanumerics(made) == made);
    CHECK(nine_alphanumerics("").size() == 9);
}

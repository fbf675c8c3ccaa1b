#include "server/admin/tokens.hpp"

#include <catch2/catch.hpp>

using namespace sluice;
using namespace sluice::admin;

namespace {

Tokens some() {
    AdminSettings settings{.token = Secret("all-powerful-token")};
    settings.tokens.push_back({.name = "lead", .token = Secret("token-of-the-lead"), .team = "search"});
    return Tokens(settings);
}

}  // namespace

TEST_CASE("a token says who somebody is", "[admin]") {
    auto const tokens = some();
    CHECK(tokens.identify("Bearer all-powerful-token")->all);
    auto const lead = tokens.identify("bearer token-of-the-lead");
    REQUIRE(lead);
    CHECK_FALSE(lead->all);
    CHECK(lead->team == "search");
    CHECK(lead->name == "lead");
}

TEST_CASE("anything else is nobody's token", "[admin]") {
    auto const* const text =
        GENERATE("", "Bearer", "Bearer ", "Bearer  all-powerful-token", "all-powerful-token",
                 "Basic all-powerful-token", "Bearer all-powerful-toke", "Bearer all-powerful-token ",
                 "Bearer ALL-POWERFUL-TOKEN", "Bearer all-powerful-tokenx");
    CAPTURE(text);
    CHECK_FALSE(some().identify(text));
    CHECK_FALSE(Tokens(AdminSettings()).identify(text));
    CHECK(Tokens(AdminSettings()).empty());
}

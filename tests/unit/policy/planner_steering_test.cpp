#include <catch2/catch.hpp>

#include "tests/unit/policy/plan_fixture.hpp"

using namespace sluice;

namespace {

PriceSheet const cheap = price(1'000'000, 1'000'000);
PriceSheet const middle = price(2'000'000, 2'000'000);
PriceSheet const dear = price(3'000'000, 3'000'000);

OneRoute three_providers() {
    OneRoute route(RoutePolicy::fallback, {{.name = "a/m", .provider = "a", .price = &dear},
                                           {.name = "b/m", .provider = "b", .price = &middle},
                                           {.name = "c/m", .provider = "c", .price = &cheap}});
    route.steered = true;
    return route;
}

}  // namespace

TEST_CASE("order: the named ones first, in that order, then the rest", "[planner]") {
    auto route = three_providers();
    route.steering.order = {"c", "a/m"};
    CHECK(targets(route.plan()) == Order{2, 0, 1});
    CHECK(route.plan().order[0].reason == "order: named by the client");
    route.steering.allow_fallbacks = false;
    auto const plan = route.plan();
    CHECK(targets(plan) == Order{2, 0});
    CHECK(plan.excluded[0].why == Exclusion::not_chosen);
}

TEST_CASE("allow_fallbacks: false leaves the first choice alone", "[planner]") {
    auto route = three_providers();
    route.steering.allow_fallbacks = false;
    auto const plan = route.plan();
    CHECK(targets(plan) == Order{0});
    REQUIRE(plan.excluded.size() == 2);
    CHECK(plan.excluded[1].why == Exclusion::not_chosen);
}

TEST_CASE("sort replaces the policies, within priorities", "[planner]") {
    auto route = three_providers();
    route.steering.sort = SortBy::price;
    CHECK(targets(route.plan()) == Order{2, 1, 0});
    route.root().members[2].priority = 1;
    CHECK(targets(route.plan()) == Order{1, 0, 2});
}

TEST_CASE("several models come in turn, or sorted together", "[planner]") {
    auto route = three_providers();
    std::vector<RoutedModel> const models{{.first_candidate = 0, .candidate_count = 2},
                                          {.first_candidate = 2, .candidate_count = 1}};
    PlanInput input{
        .facts = route.facts, .candidates = route.candidates, .models = models, .steering = &route.steering};
    CHECK(targets(make_plan(input)) == Order{0, 1, 2});
    route.steering.sort = SortBy::price;
    CHECK(targets(make_plan(input)) == Order{1, 0, 2});
    route.steering.pool_models = true;
    CHECK(targets(make_plan(input)) == Order{2, 1, 0});
}

TEST_CASE("targets that miss a preference by measurement come later, but are not left out", "[planner]") {
    auto route = three_providers();
    route.candidates[0].measured = measured_first_token(2'000'000);
    route.candidates[1].measured = measured_first_token(500'000);
    route.steering.max_first_token_us[1] = 1'000'000;
    CHECK(targets(route.plan()) == Order{1, 2, 0});
    route.root().members[1].priority = 1;
    route.root().members[2].priority = 1;
    CHECK(targets(route.plan()) == Order{0, 1, 2});
}

TEST_CASE("affinity: the session's target comes first while its cache makes it no dearer", "[planner]") {
    PriceSheet caching = price(2'000'000, 1'000'000);
    caching.cached_input = PricePerMillion{NanoUsd{100'000}};
    OneRoute route(RoutePolicy::cost, {{.price = &cheap}, {.price = &caching}});
    route.facts.input_tokens = 10'000;
    route.bound = BoundTarget{.target = 1, .cached_tokens = 8'000};
    SECTION("warm") {
        auto const plan = route.plan();
        CHECK(targets(plan) == Order{1, 0});
        CHECK(plan.moved_by_affinity);
        CHECK(plan.order[0].reason == "affinity: its cache is warm");
    }
    SECTION("little of it is cached") {
        route.bound->cached_tokens = 1'000;
        CHECK(targets(route.plan()) == Order{0, 1});
    }
    SECTION("sessions were seen to read nothing from the cache there") {
        route.candidates[1].measured.resumed = 10;
        CHECK(targets(route.plan()) == Order{0, 1});
    }
    SECTION("sessions were seen to read half of their input from it") {
        route.candidates[1].measured.resumed = 10;
        route.candidates[1].measured.cached_permille = 300;
        CHECK(targets(route.plan()) == Order{0, 1});
        route.candidates[1].measured.cached_permille = 800;
        CHECK(targets(route.plan()) == Order{1, 0});
    }
    SECTION("an unknown price") {
        route.candidates[1].price = nullptr;
        CHECK(targets(route.plan()) == Order{1, 0});
    }
    SECTION("a lower priority level") {
        route.root().members[1].priority = 1;
        CHECK(targets(route.plan()) == Order{0, 1});
    }
    SECTION("the client sorts") {
        route.steered = true;
        route.steering.sort = SortBy::price;
        CHECK(targets(route.plan()) == Order{0, 1});
    }
    SECTION("its breaker is not closed") {
        route.candidates[1].breaker = BreakerState::half_open;
        CHECK(targets(route.plan()) == Order{0, 1});
    }
}

TEST_CASE("affinity does not bring a harder request back to a weaker model", "[planner]") {
    OneRoute route(RoutePolicy::complexity, {{.price = &cheap}, {.price = &dear}});
    route.root().thresholds = {50};
    route.facts.complexity = 80;
    route.bound = BoundTarget{.target = 0, .cached_tokens = 1'000};
    CHECK(targets(route.plan()) == Order{1, 0});
}

TEST_CASE("when breakers alone keep all back, the one with the nearest probe is tried if that is allowed",
          "[planner]") {
    std::vector<Candidate> candidates{{.breaker_refuses = true, .time_to_probe = seconds(9)},
                                      {.breaker_refuses = true, .time_to_probe = seconds(4)},
                                      {.takes_request = false}};
    RequestFacts const facts;
    PlanInput input{.facts = facts, .candidates = candidates};
    CHECK(make_plan(input).order.empty());
    input.try_when_all_open = true;
    auto const plan = make_plan(input);
    CHECK(plan.panic);
    CHECK(targets(plan) == Order{1});
    CHECK(plan.excluded.size() == 2);
    candidates[0] = {.credential_free = false};
    CHECK_FALSE(make_plan(input).panic);
}

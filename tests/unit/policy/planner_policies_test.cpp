#include <array>
#include <catch2/catch.hpp>
#include <map>

#include "tests/unit/policy/plan_fixture.hpp"

using namespace sluice;

TEST_CASE("cost: the cheapest for this very request comes first, an unknown price last", "[planner]") {
    auto const cheap_input = price(100, 9'000'000);
    auto const cheap_output = price(4'000'000, 100);
    OneRoute route(RoutePolicy::cost, {{}, {.price = &cheap_input}, {.price = &cheap_output}});
    route.facts.input_tokens = 100'000;
    auto const long_prompt = route.plan();
    CHECK(targets(long_prompt) == Order{1, 2, 0});
    CHECK(long_prompt.order[0].reason == "cost: cheapest");
    CHECK(long_prompt.order[2].reason == "cost: price unknown");
    route.facts.input_tokens = 10;
    CHECK(targets(route.plan()) == Order{2, 1, 0});
}

TEST_CASE("cost: a target that was never used is not judged by a guess of its output", "[planner]") {
    auto const dear = price(0, 10'000'000);
    auto const cheap = price(0, 5'000'000);
    OneRoute route(RoutePolicy::cost,
                   {{.price = &dear, .measured = {.requests = 50, .mean_output_tokens = 100}}, {.price = &cheap}});
    CHECK(targets(route.plan()) == Order{1, 0});
}

TEST_CASE("the expected cost counts cached input, and at most the output asked for", "[planner]") {
    PriceSheet sheet = price(1'000'000, 2'000'000);
    sheet.cached_input = PricePerMillion{NanoUsd{100'000}};
    Candidate const candidate{.price = &sheet, .measured = {.mean_output_tokens = 500}};
    RequestFacts facts{.input_tokens = 1'000};
    CHECK(expected_cost(facts, candidate) == NanoUsd{1'000 + 1'000});
    CHECK(expected_cost(facts, candidate, 1'000) == NanoUsd{100 + 1'000});
    facts.output_tokens = 50;
    CHECK(expected_cost(facts, candidate) == NanoUsd{1'000 + 100});
    CHECK_FALSE(expected_cost(facts, Candidate{}));
}

TEST_CASE("latency: a clearly faster target is always first, the rest follow by speed", "[planner]") {
    OneRoute route(RoutePolicy::latency, {{.measured = measured_first_token(900'000)},
                                          {.measured = measured_first_token(200'000)},
                                          {.measured = measured_first_token(400'000)}});
    for (route.draw = 0; route.draw < 50; ++route.draw) CHECK(targets(route.plan()) == Order{1, 2, 0});
    CHECK(route.plan().order[0].score == 200'000);
}

TEST_CASE("latency: targets about as fast share the first place, the faster ones with more of it", "[planner]") {
    OneRoute route(RoutePolicy::latency, {{.measured = measured_first_token(100'000)},
                                          {.measured = measured_first_token(120'000)},
                                          {.measured = measured_first_token(140'000)}});
    std::array<int, 3> first{};
    for (route.draw = 0; route.draw < 3'000; ++route.draw) ++first[route.plan().order[0].target];
    CHECK(first[0] == Approx(2'000).margin(120));  // two of three pairs have it
    CHECK(first[1] == Approx(1'000).margin(120));
    CHECK(first[2] == 0);
}

TEST_CASE("latency: a target without samples stands in the middle, and is explored now and then", "[planner]") {
    OneRoute route(RoutePolicy::latency, {{.measured = measured_first_token(100'000)},
                                          {},
                                          {.measured = measured_first_token(900'000)},
                                          {.measured = measured_first_token(500'000)}});
    CHECK(targets(route.plan()) == Order{0, 1, 3, 2});
    route.root().explore_percent = 2;
    int explored = 0;
    for (route.draw = 0; route.draw < 10'000; ++route.draw) {
        auto const plan = route.plan();
        if (plan.order[0].target != 1) continue;
        ++explored;
        CHECK(plan.order[0].reason == "latency: explored");
    }
    CHECK(explored == Approx(200).margin(50));
}

TEST_CASE("latency: whole answers are compared at the same length", "[planner]") {
    Measured brief{.requests = 100, .us_per_output_token = 30'000, .mean_output_tokens = 10};
    brief.answer_us.fill(300'000);
    Measured verbose{.requests = 100, .us_per_output_token = 10'000, .mean_output_tokens = 900};
    verbose.answer_us.fill(9'000'000);
    OneRoute route(RoutePolicy::latency, {{.measured = brief}, {.measured = verbose}});
    route.facts.stream = false;
    CHECK(targets(route.plan()) == Order{1, 0});
}

TEST_CASE("throughput: the most tokens per second come first", "[planner]") {
    OneRoute route(
        RoutePolicy::throughput,
        {{.measured = measured_speed(30)}, {.measured = measured_speed(300)}, {}, {.measured = measured_speed(90)}});
    CHECK(targets(route.plan()) == Order{1, 2, 3, 0});
}

TEST_CASE("weighted: places are drawn by weight, and weight 0 comes last", "[planner]") {
    OneRoute route(RoutePolicy::weighted, {{}, {}, {}});
    route.root().members[0].weight = 0;
    route.root().members[1].weight = 3;
    std::array<int, 3> first{};
    for (route.draw = 0; route.draw < 4'000; ++route.draw) {
        auto const plan = route.plan();
        ++first[plan.order[0].target];
        CHECK(plan.order[2].target == 0);
    }
    CHECK(first[1] == Approx(3'000).margin(120));
    CHECK(first[2] == Approx(1'000).margin(120));
}

TEST_CASE("least_busy: the fewest in flight for its weight comes first, ties are drawn", "[planner]") {
    OneRoute route(RoutePolicy::least_busy, {{.in_flight = 4}, {.in_flight = 6}, {.in_flight = 4}});
    route.root().members[1].weight = 2;
    std::array<int, 3> second{};
    for (route.draw = 0; route.draw < 1'000; ++route.draw) {
        auto const plan = route.plan();
        CHECK(plan.order[0].target == 1);
        ++second[plan.order[1].target];
    }
    CHECK(second[0] == Approx(500).margin(80));
}

TEST_CASE("usage: the most left of its limits comes first, unknown in the middle", "[planner]") {
    OneRoute route(RoutePolicy::usage, {{.headroom_permille = 100}, {}, {.headroom_permille = 900}});
    CHECK(targets(route.plan()) == Order{2, 1, 0});
}

TEST_CASE("score: price counts most, but an outage more", "[planner]") {
    auto const cheap = price(1'000'000, 1'000'000);
    auto const dear = price(1'500'000, 1'500'000);
    auto healthy = measured_first_token(300'000);
    OneRoute route(RoutePolicy::score, {{.price = &dear, .measured = healthy}, {.price = &cheap, .measured = healthy}});
    CHECK(targets(route.plan()) == Order{1, 0});
    CHECK(route.plan().order[1].score == 300'000);  // 0.6 x 0.5
    route.candidates[1].measured.failures = 30;
    CHECK(targets(route.plan()) == Order{0, 1});
}

TEST_CASE("score: cached input counts for long prompts", "[planner]") {
    auto plain = price(1'000'000, 0);
    auto caching = price(1'050'000, 0);
    caching.cached_input = PricePerMillion{NanoUsd{10'000}};
    OneRoute route(RoutePolicy::score, {{.price = &plain}, {.price = &caching}});
    CHECK(targets(route.plan()) == Order{0, 1});
    route.facts.input_tokens = 5'000;
    CHECK(targets(route.plan()) == Order{1, 0});
}

TEST_CASE("slo: the cheapest that keeps the bounds, then unmeasured, then those that miss by little", "[planner]") {
    auto const cheap = price(100'000, 0);
    auto const middle = price(200'000, 0);
    auto const dear = price(300'000, 0);
    OneRoute route(RoutePolicy::slo, {{.price = &cheap, .measured = measured_first_token(9'000'000)},
                                      {.price = &dear, .measured = measured_first_token(500'000)},
                                      {.price = &cheap, .measured = measured_first_token(1'100'000)},
                                      {.price = &middle, .measured = measured_first_token(900'000)},
                                      {.price = &cheap}});
    route.root().slo.first_token = seconds(1);
    auto const plan = route.plan();
    CHECK(targets(plan) == Order{3, 1, 4, 2, 0});
    CHECK(plan.order[0].reason == "slo: cheapest that keeps the bounds");
    CHECK(plan.order[2].reason == "slo: not measured enough");
    CHECK(plan.order[4].reason == "slo: misses the bounds");
}

TEST_CASE("complexity: the threshold picks, then the stronger, then the weaker from the strongest down", "[planner]") {
    OneRoute route(RoutePolicy::complexity, {{}, {}, {}, {}});
    route.root().thresholds = {20, 40, 60};
    auto [complexity, expected] = GENERATE(table<unsigned, Order>(
        {{0, {0, 1, 2, 3}}, {20, {1, 2, 3, 0}}, {59, {2, 3, 1, 0}}, {60, {3, 2, 1, 0}}, {100, {3, 2, 1, 0}}}));
    route.facts.complexity = complexity;
    CHECK(targets(route.plan()) == expected);
}

TEST_CASE("lower priorities come first, whatever the policy says", "[planner]") {
    auto const cheap = price(1, 1);
    auto const dear = price(2'000'000, 2'000'000);
    OneRoute route(RoutePolicy::cost, {{.price = &dear}, {.price = &cheap}, {.price = &cheap}});
    route.root().members[1].priority = 7;
    CHECK(targets(route.plan()) == Order{2, 0, 1});
}

TEST_CASE("a route in a route stands for the first target of its own order, and is flattened in its place",
          "[planner]") {
    auto const cheap = price(1'000, 0);
    auto const middle = price(2'000, 0);
    auto const dear = price(3'000, 0);
    OneRoute route(RoutePolicy::cost, {{.price = &middle}, {.price = &dear}, {.price = &cheap}});
    route.routes = {{.policy = RoutePolicy::cost, .members = {{.index = 0}, {.index = 1, .is_route = true}}},
                    {.policy = RoutePolicy::fallback, .members = {{.index = 1}, {.index = 2}, {.index = 0}}}};
    route.facts.input_tokens = 1'000'000;
    CHECK(targets(route.plan()) == Order{0, 1, 2});
    route.candidates[1].breaker_refuses = true;
    CHECK(targets(route.plan()) == Order{2, 0});
}

TEST_CASE("a ring of routes ends", "[planner]") {
    OneRoute route(RoutePolicy::fallback, {{}});
    route.routes = {{.members = {{.index = 1, .is_route = true}, {.index = 0}}},
                    {.members = {{.index = 0, .is_route = true}}}};
    CHECK(targets(route.plan()) == Order{0});
}

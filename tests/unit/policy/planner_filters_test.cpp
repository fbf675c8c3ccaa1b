#include <catch2/catch.hpp>

#include "tests/unit/policy/plan_fixture.hpp"

using namespace sluice;

namespace {

Capabilities only(Capability capability) {
    Capabilities set;
    set.add(capability);
    return set;
}

PriceSheet const priced = price(1'000'000, 4'000'000);
PriceSheet const free_of_charge = price(0, 0);

}  // namespace

TEST_CASE("a target that could never take the request is left out for the reason", "[planner]") {
    struct Row {
        char const* name;
        RequestFacts facts;
        TargetTraits unfit;
        TargetTraits fit;
        Steering steering;
        Exclusion why;
    };
    auto row = GENERATE(values<Row>({
        {"capability",
         {.needs = only(Capability::vision)},
         {.lacks = only(Capability::vision)},
         {},
         {},
         Exclusion::lacks_capability},
        {"room for the answer asked for",
         {.input_tokens = 7'000, .output_tokens = 2'000},
         {.context = 8'192},
         {.context = 16'384},
         {},
         Exclusion::context_too_small},
        {"some room when nothing was asked for",
         {.input_tokens = 8'000},
         {.context = 8'192},
         {.context = 8'192, .max_output = 100},
         {},
         Exclusion::context_too_small},
        {"region", {}, {}, {.region = "EU"}, {.filter = {.regions = {"ch", "eu"}}}, Exclusion::region},
        {"retention", {}, {}, {.zero_retention = true}, {.filter = {.zero_retention = true}}, Exclusion::retention},
        {"training", {}, {}, {.trains = false}, {.filter = {.no_training = true}}, Exclusion::training},
        {"quantization",
         {},
         {.quantization = "fp4"},
         {.quantization = "bf16"},
         {.filter = {.quantizations = {"bf16"}}},
         Exclusion::quantization},
    }));
    CAPTURE(row.name);
    OneRoute route(RoutePolicy::fallback, {{.traits = &row.unfit}, {.traits = &row.fit}});
    route.facts = row.facts;
    route.steering = row.steering;
    route.steered = true;
    auto const plan = route.plan();
    CHECK(targets(plan) == Order{1});
    REQUIRE(plan.excluded.size() == 1);
    CHECK(plan.excluded[0].why == row.why);
}

TEST_CASE("a price ceiling and :free leave out what is dearer or unknown", "[planner]") {
    OneRoute route(RoutePolicy::fallback, {{.price = &priced}, {}, {.price = &free_of_charge}});
    route.steered = true;
    SECTION("input") { route.steering.filter.max_input_price = PricePerMillion{NanoUsd{999'999}}; }
    SECTION("output") { route.steering.filter.max_output_price = PricePerMillion{NanoUsd{3'999'999}}; }
    SECTION("free") { route.steering.free_only = true; }
    CHECK(targets(route.plan()) == Order{2});
}

TEST_CASE("a price ceiling looks at the tier of this request", "[planner]") {
    auto tiered = price(1'000, 1'000);
    tiered.tiers.push_back({.above = 200'000, .input = {NanoUsd{2'000}}, .output = {NanoUsd{2'000}}});
    OneRoute route(RoutePolicy::fallback, {{.price = &tiered}});
    route.steered = true;
    route.steering.filter.max_input_price = PricePerMillion{NanoUsd{1'500}};
    CHECK(targets(route.plan()) == Order{0});
    route.facts.input_tokens = 200'001;
    CHECK(targets(route.plan()).empty());
}

TEST_CASE("the filters of model, key and client must all hold", "[planner]") {
    TargetTraits const traits{.region = "eu", .zero_retention = true};
    std::vector<Candidate> const candidates{{.traits = &traits}};
    RequestFacts const facts;
    TargetFilter const held{.regions = {"eu"}};
    TargetFilter const broken{.no_training = true};
    CHECK(make_plan({.facts = facts, .candidates = candidates, .model_filter = &held}).order.size() == 1);
    CHECK(make_plan({.facts = facts, .candidates = candidates, .model_filter = &broken}).order.empty());
    CHECK(make_plan({.facts = facts, .candidates = candidates, .caller_filter = &broken}).order.empty());
}

TEST_CASE("only and ignore name providers or targets, in any case", "[planner]") {
    OneRoute route(RoutePolicy::fallback, {{.name = "openai/gpt-4o", .provider = "openai"},
                                           {.name = "azure/gpt-4o", .provider = "azure"},
                                           {.name = "azure/gpt-4o-mini", .provider = "azure"}});
    route.steered = true;
    SECTION("only a provider") {
        route.steering.only = {"Azure"};
        CHECK(targets(route.plan()) == Order{1, 2});
    }
    SECTION("only a target") {
        route.steering.only = {"azure/GPT-4o"};
        CHECK(targets(route.plan()) == Order{1});
    }
    SECTION("ignore") {
        route.steering.ignore = {"azure"};
        auto const plan = route.plan();
        CHECK(targets(plan) == Order{0});
        CHECK(plan.excluded[0].why == Exclusion::not_chosen);
    }
}

TEST_CASE("require_parameters leaves out what would lose one", "[planner]") {
    OneRoute route(RoutePolicy::fallback, {{.loses_nothing = false}, {}});
    CHECK(targets(route.plan()) == Order{0, 1});
    route.steered = true;
    route.steering.require_parameters = true;
    auto const plan = route.plan();
    CHECK(targets(plan) == Order{1});
    CHECK(plan.excluded[0].why == Exclusion::parameters_unsupported);
}

TEST_CASE("a reason for good is named before one that passes", "[planner]") {
    TargetTraits const traits{.context = 10};
    OneRoute const route(RoutePolicy::fallback, {{.traits = &traits, .breaker_refuses = true}});
    CHECK(route.plan().excluded[0].why == Exclusion::context_too_small);
}

TEST_CASE("when no target could ever take the request, the error says what each lacks", "[planner]") {
    TargetTraits const blind{.lacks = only(Capability::vision)};
    TargetTraits const small{.context = 100};
    OneRoute route(RoutePolicy::fallback, {{.name = "a/x", .traits = &blind}, {.name = "b/y", .traits = &small}});
    route.facts.needs = only(Capability::vision);
    auto error = nothing_planned(route.candidates, route.plan(), &route.facts);
    CHECK(error.kind == ErrorKind::no_target_fits);
    CHECK(status_of(error) == 400);
    CHECK(std::string_view(error.message) ==
          "no target of this model can serve this request, which needs vision, about 2024 tokens of context: "
          "a/x: lacks a capability, vision; b/y: context too small");
    CHECK_FALSE(error.retry_after);

    route.candidates.erase(route.candidates.begin());
    route.root().members.pop_back();
    error = nothing_planned(route.candidates, route.plan());
    CHECK(code_of(error) == "context_length_exceeded");
}

TEST_CASE("parameters that no target takes are the error, whatever else was not chosen", "[planner]") {
    OneRoute route(RoutePolicy::fallback, {{.provider = "a", .takes_request = false}, {.provider = "b"}});
    route.steered = true;
    route.steering.ignore = {"b"};
    CHECK(nothing_planned(route.candidates, route.plan()).kind == ErrorKind::unsupported_parameter);
}

TEST_CASE("a router keeps to the client's wishes about providers itself", "[planner]") {
    OneRoute route(RoutePolicy::fallback, {{.name = "openrouter/m", .provider = "openrouter", .is_router = true}});
    route.steered = true;
    route.steering.only = {"deepinfra"};
    route.steering.filter.zero_retention = true;
    CHECK(targets(route.plan()) == std::vector<std::size_t>{0});
    route.steering.ignore = {"openrouter"};
    CHECK(route.plan().order.empty());
}

TEST_CASE("a target that lacks what rules can do without is taken for want of a better one", "[planner]") {
    TargetTraits lacking;
    auto const need = GENERATE(Capability::json_schema, Capability::tools, Capability::vision);
    lacking.lacks.add(need);
    OneRoute route(RoutePolicy::fallback, {{.name = "a/m", .traits = &lacking}, {.name = "b/m"}});
    route.facts.needs.add(need);
    CHECK(targets(route.plan()) == std::vector<std::size_t>{1});
    route.candidates.pop_back();
    route.root().members.pop_back();
    CHECK(route.plan().order.size() == (need == Capability::vision ? 0 : 1));
}

TEST_CASE("a context that is too small by an estimate is tried for want of a larger one", "[planner]") {
    TargetTraits const small{.context = 1'000};
    OneRoute route(RoutePolicy::fallback, {{.name = "a/m", .traits = &small}});
    route.facts.input_tokens = 1'900;
    CHECK(route.plan().order.size() == 1);
    route.facts.input_tokens = 2'100;
    CHECK(route.plan().order.empty());
}

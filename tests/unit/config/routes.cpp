#include <catch2/catch.hpp>

#include "config/loader.hpp"
#include "tests/unit/config/loading.hpp"

/// Shapes of routes: what the planner is given for what a file says.
using namespace sluice;
using namespace sluice::config::testing;

namespace {

std::string const head = "version: 1\nproviders: { openai: { api_key: none } }\nmodels:\n";

using Members = std::vector<RouteMember>;
using Numbers = std::vector<unsigned>;

RouteMember leaf(std::size_t index) { return {.index = index}; }
RouteMember route(std::size_t index) { return {.index = index, .is_route = true}; }

std::vector<std::string> texts(std::vector<TargetSettings> const& targets) {
    std::vector<std::string> out;
    for (TargetSettings const& target : targets) out.push_back(target.provider + "/" + target.model);
    return out;
}

ModelSettings first_of(std::string const& models) { return settings_of(head + models).models.at(0); }

}  // namespace

TEST_CASE("targets and fallbacks of a `fallback` are one route, in their order", "[config]") {
    auto const model = first_of("  a: { targets: [openai/1, openai/2], fallbacks: openai/3 }\n");
    REQUIRE(model.routes.size() == 1);
    CHECK(model.routes[0] == RouteSettings{.name = "a", .members = {leaf(0), leaf(1), leaf(2)}});
    CHECK(texts(model.targets) == std::vector<std::string>{"openai/1", "openai/2", "openai/3"});
}

TEST_CASE("fallbacks of any other policy stand behind its route", "[config]") {
    auto const model = first_of("  a: { route: cost, targets: [openai/1, openai/2], fallbacks: [openai/3] }\n");
    REQUIRE(model.routes.size() == 2);
    CHECK(model.routes[0] == RouteSettings{.name = "a", .members = {route(1), leaf(2)}});
    CHECK(model.routes[1] == RouteSettings{.name = "a", .policy = RoutePolicy::cost, .members = {leaf(0), leaf(1)}});
}

TEST_CASE("another model's name is its route, with its policy and its fallbacks", "[config]") {
    auto const model =
        first_of(R"(  a: { route: weighted, targets: [{ to: b, weight: 9 }, { to: openai/1, priority: 2 }] }
  b: { route: { policy: latency, explore: 0% }, targets: [openai/2, openai/1], fallbacks: [c, openai/3] }
  c: { targets: [openai/4] }
)");
    REQUIRE(model.routes.size() == 4);
    CHECK(model.routes[0] ==
          RouteSettings{.name = "a",
                        .policy = RoutePolicy::weighted,
                        .members = {{.index = 1, .is_route = true, .weight = 9}, {.index = 1, .priority = 2}}});
    CHECK(model.routes[1] == RouteSettings{.name = "b", .members = {route(2), route(3), leaf(3)}});
    CHECK(model.routes[2] ==
          RouteSettings{
              .name = "b", .policy = RoutePolicy::latency, .members = {leaf(0), leaf(1)}, .explore_percent = 0});
    CHECK(model.routes[3] == RouteSettings{.name = "c", .members = {leaf(2)}});
    CHECK(texts(model.targets) == std::vector<std::string>{"openai/2", "openai/1", "openai/4", "openai/3"});
}

TEST_CASE("a model that stands in two routes is one route", "[config]") {
    auto const model = first_of("  a: [b, c]\n  b: [openai/1, d]\n  c: d\n  d: openai/2\n");
    REQUIRE(model.routes.size() == 4);
    CHECK(model.routes[0].members == Members{route(1), route(3)});
    CHECK(model.routes[1].members == Members{leaf(0), route(2)});
    CHECK(model.routes[2].members == Members{leaf(1)});
    CHECK(model.routes[3].members == Members{route(2)});
    CHECK(texts(model.targets) == std::vector<std::string>{"openai/1", "openai/2"});
}

TEST_CASE("fallbacks stay last, whatever the priorities are", "[config]") {
    auto const model = first_of(
        "  a: { targets: [{ to: openai/1, priority: 3 }, openai/2], fallbacks: [{ to: openai/3, priority: 1 }] }\n");
    CHECK(model.routes[0].members == Members{{.index = 0, .priority = 3}, {.index = 1}, {.index = 2, .priority = 5}});
}

TEST_CASE("a route may say how its policy decides", "[config]") {
    auto const model =
        first_of(R"(  a: { targets: openai/1, route: { policy: score, weights: { price: 1, cache: 0 }, explore: 5% } }
  b: { targets: openai/1, route: { policy: slo, first_token: 800ms, tokens_per_second: 40, max_failures: 1% } }
  c: { targets: [openai/1, openai/2, openai/3], route: { policy: complexity, thresholds: [30, 60] } }
  d: { targets: [openai/1, openai/2, openai/3, openai/4], route: complexity, fallbacks: openai/5 }
)");
    CHECK(model.routes[0].score == ScoreWeights{.price = 1, .cache = 0});
    CHECK(model.routes[0].explore_percent == 5);
    auto const all = settings_of(
        head +
        R"(  b: { targets: openai/1, route: { policy: slo, first_token: 800ms, tokens_per_second: 40, max_failures: 1% } }
  c: { targets: [openai/1, openai/2, openai/3], route: { policy: complexity, thresholds: [30, 60] } }
  d: { targets: [openai/1, openai/2, openai/3, openai/4], route: complexity, fallbacks: openai/5 }
)");
    CHECK(all.models[0].routes[0].slo ==
          SloBounds{.first_token = milliseconds(800), .tokens_per_second = 40, .max_failure_percent = 1});
    CHECK(all.models[1].routes[0].thresholds == Numbers{30, 60});
    CHECK(all.models[2].routes[0].thresholds.empty());
    CHECK(all.models[2].routes[1].thresholds == Numbers{25, 50, 75});
}

TEST_CASE("every policy has its word", "[config]") {
    auto const [word, policy] = GENERATE(table<char const*, RoutePolicy>({{"fallback", RoutePolicy::fallback},
                                                                          {"cost", RoutePolicy::cost},
                                                                          {"latency", RoutePolicy::latency},
                                                                          {"throughput", RoutePolicy::throughput},
                                                                          {"weighted", RoutePolicy::weighted},
                                                                          {"least_busy", RoutePolicy::least_busy},
                                                                          {"usage", RoutePolicy::usage},
                                                                          {"score", RoutePolicy::score},
                                                                          {"complexity", RoutePolicy::complexity}}));
    CAPTURE(word);
    CHECK(first_of(std::string("  a: { targets: openai/1, route: ") + word + " }\n").routes[0].policy == policy);
    CHECK(first_of(std::string("  a: { targets: openai/1, route: { policy: ") + word + " } }\n").routes[0].policy ==
          policy);
}

TEST_CASE("fallbacks for one kind of failure and a mirror are targets beside the others", "[config]") {
    auto const model = first_of(R"(  a:
    targets: openai/1
    fallbacks_on: { context_length: [big, openai/1], content_filter: openai/3 }
    mirror: { to: openai/3, percent: 10%, max_in_flight: 2 }
  big: { targets: [openai/2, openai/3] }
)");
    CHECK(texts(model.targets) == std::vector<std::string>{"openai/1"});
    CHECK(texts(model.extra_targets) == std::vector<std::string>{"openai/2", "openai/3", "openai/1"});
    CHECK(model.on_context_length == std::vector<std::size_t>{0, 1, 2});
    CHECK(model.on_content_filter == std::vector<std::size_t>{1});
    CHECK(model.mirror == MirrorSettings{.target = 1, .percent = 10, .max_in_flight = 2});
}

TEST_CASE("what is written about a target stands above what is written about its provider", "[config]") {
    auto const settings = settings_of(R"(version: 1
providers:
  own: { type: custom, base_url: http://own, api_key: none, region: eu, zero_retention: true, trains: false }
models:
  a:
    targets:
      - own/1
      - { to: own/2, quantization: fp8, region: us, context: 32k, max_output: 8k, zero_retention: false, trains: true,
          capabilities: { vision: false, tools: true } }
)");
    auto const& targets = settings.models[0].targets;
    CHECK(targets[0].traits == TargetTraits{.region = "eu", .zero_retention = true, .trains = false});
    TargetTraits second{.context = 32'000,
                        .max_output = 8000,
                        .region = "us",
                        .quantization = "fp8",
                        .zero_retention = false,
                        .trains = true};
    second.lacks.add(Capability::vision);
    second.has.add(Capability::tools);
    CHECK(targets[1].traits == second);
}

TEST_CASE("what the catalogue knows about a model is known about its targets", "[config]") {
    auto const settings = settings_of(R"(version: 1
providers:
  groq: { api_key: none }
  stackit: { api_key: none }
  elsewhere: { type: stackit, base_url: http://stackit.example, api_key: none }
  paris: { type: bedrock, api_key: none, variables: { region: eu-west-3 } }
  london: { type: bedrock, api_key: none, variables: { region: eu-west-2 } }
  own: { type: bedrock, api_key: none, variables: { region: eu-west-2 }, region: eu }
models:
  a: [groq/llama-3.3-70b-versatile, stackit/x, elsewhere/x, paris/x, london/x, own/x,
      { to: groq/whisper-large-v3, max_output: 5, capabilities: { tools: true } }]
  "*": [groq/*, stackit/*]
)");
    auto const& targets = settings.models[0].targets;
    CHECK(targets[0].traits.has.has(Capability::tools));
    CHECK(targets[0].traits.has.has(Capability::continues_assistant));
    CHECK(targets[0].traits.lacks.has(Capability::json_schema));
    CHECK(targets[0].traits.context > 100'000);
    CHECK(targets[1].traits.region == "eu");
    CHECK(targets[2].traits.region.empty());
    CHECK(targets[3].traits.region == "eu");
    CHECK(targets[4].traits.region == "uk");
    CHECK(targets[5].traits.region == "eu");
    CHECK(targets[6].traits.has.has(Capability::tools));
    CHECK(targets[6].traits.max_output == 5);
    auto const& stars = settings.models[1].targets;
    CHECK_FALSE(stars[0].traits.has.has(Capability::tools));
    CHECK(stars[0].traits.lacks.empty());
    CHECK(stars[0].traits.context == 0);
    CHECK(stars[1].traits.region == "eu");
}

TEST_CASE("what all models of a provider have is known behind a star, too", "[config]") {
    auto const settings = settings_of(
        "version: 1\nproviders: { vllm: { base_url: http://x, api_key: none }, openrouter: { api_key: none } }\n"
        "models: { \"*\": [vllm/*, openrouter/*] }\n");
    auto const& targets = settings.models[0].targets;
    CHECK(targets[0].traits.has.has(Capability::json_schema));
    CHECK(targets[0].traits.has.has(Capability::continues_assistant));
    CHECK(targets[1].traits.has.has(Capability::tools));
    CHECK_FALSE(targets[1].traits.has.has(Capability::continues_assistant));
    using Pairs = std::vector<std::pair<std::string, std::string>>;
    CHECK(settings.providers.at("vllm").continue_request_members ==
          Pairs{{"continue_final_message", "true"}, {"add_generation_prompt", "false"}});
    CHECK(settings.providers.at("vllm").continue_message_members.empty());
    CHECK(settings.providers.at("openrouter").is_router);
    CHECK_FALSE(settings.providers.at("vllm").is_router);
}

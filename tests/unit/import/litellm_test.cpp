#include "config/import/litellm.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "config/loader.hpp"

using namespace sluice;
using namespace sluice::config;

namespace {

std::string const head = "model_list:\n";

Imported imported(std::string const& text) {
    auto made = import_litellm(text, "config.yaml");
    REQUIRE(made.imported);
    return *std::move(made.imported);
}

/// A model_list of one line per entry: name, then litellm_params.
std::string entry(std::string const& name, std::string const& params, std::string const& more = "") {
    return "- { model_name: \"" + name + "\", litellm_params: { " + params + " }" + more + " }\n";
}

LoadResult loaded(std::string const& yaml) {
    LoadOptions options;
    options.text = yaml;
    options.environment = [](std::string_view) {
        return std::optional<std::string>("something-long-enough-for-a-key");
    };
    return load(options);
}

std::string problems_in(LoadResult const& result) {
    std::string out;
    for (Problem const& problem : result.problems)
        if (problem.severity == config::Severity::error) out += to_text(problem, Colour::none);
    return out;
}

/// The settings that Sluice makes of the result.
Settings settings_of(std::string const& litellm) {
    auto const yaml = to_yaml(imported(litellm), "config.yaml");
    auto result = loaded(yaml);
    CAPTURE(yaml);
    CHECK(problems_in(result) == "");
    REQUIRE(result.settings);
    return *std::move(result.settings);
}

std::string fixture(std::string const& name) {
    std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/tests/fixtures/litellm/" + name);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

using Texts = std::vector<std::string>;

Texts targets_of(ModelSettings const& model) {
    Texts out;
    for (TargetSettings const& target : model.targets) out.push_back(target.provider + "/" + target.model);
    return out;
}

Texts reasons(Imported const& all) {
    Texts out;
    for (LeftOver const& each : all.all_left()) out.push_back(each.path);
    return out;
}

}  // namespace

TEST_CASE("several entries with one name are one model with several targets, by `order`", "[import]") {
    auto const settings =
        settings_of(head + entry("m", "model: groq/a, order: 2") + entry("m", "model: cerebras/b, order: 1") +
                    entry("m", "model: groq/c, order: 2"));
    REQUIRE(settings.models.size() == 1);
    CHECK(targets_of(settings.models[0]) == Texts{"cerebras/b", "groq/a", "groq/c"});
}

TEST_CASE("weights and `order` become those of a route", "[import]") {
    auto const settings = settings_of(
        head + entry("m", "model: groq/a, weight: 9, order: 5") + entry("m", "model: cerebras/b, order: 5") +
        entry("m", "model: mistral/c, order: 7, weight: 2") + entry("n", "model: groq/a, weight: 3"));
    REQUIRE(settings.models.at(0).routes.size() == 1);
    CHECK(
        settings.models[0].routes[0] ==
        RouteSettings{.name = "m",
                      .policy = RoutePolicy::weighted,
                      .members = {{.index = 0, .weight = 9}, {.index = 1}, {.index = 2, .weight = 2, .priority = 1}}});
    CHECK(settings.models[1].routes[0].policy == RoutePolicy::fallback);
}

TEST_CASE("the routing strategy becomes the policy of models with several targets", "[import]") {
    auto const [strategy, policy] =
        GENERATE(table<char const*, RoutePolicy>({{"simple-shuffle", RoutePolicy::weighted},
                                                  {"least-busy", RoutePolicy::least_busy},
                                                  {"latency-based-routing", RoutePolicy::latency},
                                                  {"cost-based-routing", RoutePolicy::cost},
                                                  {"usage-based-routing-v2", RoutePolicy::usage}}));
    CAPTURE(strategy);
    auto const settings =
        settings_of(head + entry("m", "model: groq/a, weight: 2") + entry("m", "model: cerebras/b") +
                    entry("n", "model: groq/a") + "router_settings: { routing_strategy: " + strategy + " }\n");
    CHECK(settings.models.at(0).routes[0].policy == policy);
    CHECK(settings.models.at(1).routes[0].policy == RoutePolicy::fallback);
}

TEST_CASE("fallbacks for one kind of failure stay so", "[import]") {
    auto const text = head + entry("a", "model: groq/a") + entry("b", "model: cerebras/b") +
                      "router_settings: { fallbacks: [{ b: [a] }], context_window_fallbacks: [{ a: [b] }] }\n"
                      "litellm_settings: { content_policy_fallbacks: [{ \"*\": [b] }, { x: [a] }] }\n";
    auto const settings = settings_of(text);
    auto const& a = settings.models.at(0);
    REQUIRE(a.on_context_length.size() == 2);
    CHECK(a.extra_targets.at(a.on_context_length[0]).provider == "cerebras");
    CHECK(a.on_content_filter == a.on_context_length);
    CHECK(settings.models.at(1).extra_targets.empty());
    CHECK(reasons(imported(text)) == Texts{"litellm_settings.content_policy_fallbacks.x"});
}

TEST_CASE("one provider with two keys becomes two providers", "[import]") {
    auto const all = imported(head + entry("m", "model: groq/a, api_key: os.environ/A") +
                              entry("m", "model: groq/a, api_key: os.environ/B") +
                              entry("n", "model: groq/b, api_key: os.environ/A"));
    REQUIRE(all.providers.size() == 2);
    CHECK(all.providers[0].name == "groq");
    CHECK(all.providers[0].api_key == "${A}");
    CHECK(all.providers[1].name == "groq-2");
    CHECK(all.providers[1].type == "groq");
    CHECK(all.models[1].targets[0].text == "groq/b");
}

TEST_CASE("openai/ with another address is a custom provider", "[import]") {
    auto const settings = settings_of(
        head + entry("own", "model: openai/llama, api_base: \"http://vllm.internal:8000/v1/\", api_key: none"));
    auto const& provider = settings.providers.at("custom");
    CHECK(provider.type == "custom");
    CHECK(provider.base_url == "http://vllm.internal:8000/v1");
    CHECK(provider.auth == AuthScheme::none);
}

TEST_CASE("a password in an address is no part of the result", "[import]") {
    auto const all = imported(
        head +
        entry("m", "model: openai/a, api_base: \"https://user:first-secret@llm.example/v1\", api_key: os.environ/K"));
    CHECK_FALSE(to_yaml(all, "config.yaml").contains("first-secret"));
    CHECK(all.providers.at(0).base_url == "${PROVIDER_BASE_URL}");
}

TEST_CASE("Azure's address is its resource; a dated version is the older path", "[import]") {
    auto const dated = settings_of(head + entry("m",
                                                "model: azure/dep, api_base: \"https://acme.openai.azure.com/\", "
                                                "api_key: os.environ/K, api_version: \"2024-10-21\""));
    CHECK(dated.providers.at("azure-legacy").base_url == "https://acme.openai.azure.com/openai");
    CHECK(dated.providers.at("azure-legacy").chat_path.ends_with("api-version=2024-10-21"));
    auto const v1 = settings_of(
        head + entry("m", "model: azure/dep, api_base: \"https://acme.openai.azure.com\", api_key: os.environ/K"));
    CHECK(v1.providers.at("azure").base_url == "https://acme.openai.azure.com/openai/v1");
    auto const elsewhere = settings_of(
        head +
        entry("m",
              "model: azure/dep, api_base: \"https://llm.acme.example/openai/deployments\", api_key: os.environ/K"));
    CHECK(elsewhere.providers.at("azure").base_url == "https://llm.acme.example/openai/v1");
}

TEST_CASE("times and retries go to the model, or to the defaults", "[import]") {
    auto const settings =
        settings_of(head + entry("m", "model: groq/a, timeout: 300, stream_timeout: 0.5, num_retries: 1") +
                    entry("n", "model: groq/b") +
                    "router_settings: { num_retries: 3, timeout: 60, allowed_fails: 2, cooldown_time: 90 }\n");
    CHECK(settings.models[0].timeout.total == milliseconds(300'000));
    CHECK(settings.models[0].timeout.first_token == milliseconds(500));
    CHECK(settings.models[0].retry.attempts == 1);
    CHECK(settings.models[1].timeout.total == milliseconds(60'000));
    CHECK(settings.models[1].retry.attempts == 3);
    CHECK(settings.models[1].breaker.consecutive == 3);
    CHECK(settings.models[1].breaker.open_for == milliseconds(90'000));
    CHECK(settings.models[1].breaker.open_max == milliseconds(90'000));
}

TEST_CASE("drop_params becomes the policy for unsupported fields; a model's own wins", "[import]") {
    auto const settings =
        settings_of(head + entry("m", "model: groq/a") + entry("n", "model: groq/b, drop_params: true") +
                    "litellm_settings: { drop_params: false }\n");
    CHECK(settings.models[0].unsupported == UnsupportedPolicy::pass);
    CHECK(settings.models[1].unsupported == UnsupportedPolicy::drop);
}

TEST_CASE("fallbacks are the other models' names; a circle is cut by their targets", "[import]") {
    auto const all =
        imported(head + entry("a", "model: groq/a") + entry("b", "model: cerebras/b") + entry("c", "model: mistral/c") +
                 "router_settings: { fallbacks: [{ a: [b] }, { b: [a] }], default_fallbacks: [a] }\n");
    CHECK(all.models[0].fallbacks == Texts{"b"});
    CHECK(all.models[1].fallbacks == Texts{"groq/a"});
    CHECK(all.models[2].fallbacks == Texts{"a"});
    CHECK(problems_in(loaded(to_yaml(all, "config.yaml"))) == "");
}

TEST_CASE("prices per token become prices per million", "[import]") {
    auto const settings =
        settings_of(head + entry("m", "model: groq/a",
                                 ", model_info: { input_cost_per_token: 1.5e-07, output_cost_per_token: 0.0000006 }"));
    CHECK(settings.prices.at("groq/a").input.value.count == 150'000'000);
    CHECK(settings.prices.at("groq/a").output.value.count == 600'000'000);
}

TEST_CASE("the master key becomes a virtual key, and an alias another name", "[import]") {
    auto const settings = settings_of(head + entry("gpt-4o", "model: openai/gpt-4o") +
                                      "router_settings: { model_group_alias: { gpt-4: gpt-4o } }\n" +
                                      "general_settings: { master_key: os.environ/MASTER }\n");
    REQUIRE(settings.keys.size() == 1);
    CHECK(settings.keys[0].caller.name == "master");
    CHECK(settings.models.at(1).name == "gpt-4");
    CHECK(targets_of(settings.models.at(1)) == Texts{"openai/gpt-4o"});
}

TEST_CASE("what has no counterpart stands as a comment where it belongs, with a reason", "[import]") {
    auto const all = imported(head + entry("m", "model: groq/a, rpm: 10") +
                              "router_settings: { routing_strategy: provider-budget-routing }\nguardrails: []\n");
    CHECK(reasons(all) == Texts{"model_list[0].litellm_params.rpm", "router_settings.routing_strategy", "guardrails"});
    auto const yaml = to_yaml(all, "config.yaml");
    CAPTURE(yaml);
    CHECK_THAT(yaml, Catch::Contains("    # config.yaml:2: model_list[0].litellm_params.rpm: 10\n    #   limits of a "
                                     "target belong to a later version"));
    CHECK(problems_in(loaded(yaml)) == "");
}

TEST_CASE("no secret of the file is in the result; each becomes a variable of its own", "[import]") {
    auto const all = imported(
        head + entry("a", "model: groq/a, api_key: first-secret") +
        entry("b", "model: groq/b, api_key: second-secret") + entry("c", "model: groq/c, api_key: first-secret") +
        "general_settings: { master_key: third-secret, database_url: \"postgres://u:fourth-secret@h/d\" }\n");
    auto const yaml = to_yaml(all, "config.yaml");
    CAPTURE(yaml);
    CHECK_FALSE(yaml.contains("-secret"));
    for (LeftOver const& each : all.all_left()) CHECK_FALSE((each.value + each.why + each.path).contains("-secret"));
    CHECK(all.providers.at(0).api_key == "${GROQ_API_KEY}");
    CHECK(all.providers.at(1).api_key == "${GROQ_API_KEY_2}");
    CHECK(all.providers.size() == 2);
    CHECK(all.keys.at(0).second == "${SLUICE_MASTER_KEY}");
}

TEST_CASE("a file in use becomes a configuration that loads", "[import]") {
    auto const name = GENERATE("simple.yaml", "complete.yaml");
    auto const all = imported(fixture(name));
    auto const yaml = to_yaml(all, name);
    CAPTURE(yaml);
    CHECK(problems_in(loaded(yaml)) == "");
    CHECK_FALSE(yaml.contains("literal-secret"));
    CHECK(all.all_left().empty() == (std::string(name) == "simple.yaml"));
}

TEST_CASE("what is no configuration of LiteLLM is a problem with a place", "[import]") {
    CHECK_FALSE(import_litellm("a: b\n", "x.yaml").imported);
    CHECK_FALSE(import_litellm("model_list: [\n", "x.yaml").imported);
    CHECK_FALSE(import_litellm("", "x.yaml").imported);
    CHECK_FALSE(import_litellm("- a\n", "x.yaml").problems.empty());
    CHECK(imported("model_list: 5\n").models.empty());
    CHECK(imported("model_list: [5, {}, { model_name: a }, { model_name: a, litellm_params: 7 }]\n").models.empty());
}

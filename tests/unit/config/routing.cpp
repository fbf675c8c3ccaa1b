#include <catch2/catch.hpp>

#include "config/loader.hpp"
#include "tests/unit/config/loading.hpp"

/// What the configuration says about the way of requests, beside routes.
using namespace sluice;
using namespace sluice::config::testing;

namespace {

std::string const head = "version: 1\nproviders: { openai: { api_key: none } }\n";
using Words = std::vector<std::string>;

ModelSettings model_with(std::string const& keys) {
    return settings_of(
               "version: 1\nproviders: { openai: { api_key: none, region: eu, zero_retention: true, trains: false } }\n"
               "models: { a: { targets: { to: openai/1, quantization: bf16 }, " +
               keys + " } }\n")
        .models.at(0);
}

}  // namespace

TEST_CASE("a hedge is there when it is written", "[config]") {
    CHECK_FALSE(model_with("description: x").hedge.enabled);
    CHECK(model_with("hedge: p90").hedge == HedgeSettings{.enabled = true, .percentile = 90});
    CHECK(model_with("hedge: 800ms").hedge == HedgeSettings{.enabled = true, .after = milliseconds(800)});
    CHECK(
        model_with("hedge: { after: p99, at_least: 1s, max_extra_load: 2% }").hedge ==
        HedgeSettings{.enabled = true, .percentile = 99, .at_least = milliseconds(1000), .max_extra_load_percent = 2});
    CHECK(model_with("hedge: { at_least: 1s }").hedge ==
          HedgeSettings{.enabled = true, .at_least = milliseconds(1000)});
    CHECK_FALSE(model_with("hedge: none").hedge.enabled);
}

TEST_CASE("affinity is there unless it is refused", "[config]") {
    CHECK(model_with("description: x").affinity == AffinitySettings{});
    CHECK(model_with("affinity: { keep: 1h, by_user: true }").affinity ==
          AffinitySettings{.keep = milliseconds(3'600'000), .by_user = true});
    CHECK(model_with("affinity: 5m").affinity.keep == milliseconds(300'000));
    CHECK_FALSE(model_with("affinity: none").affinity.enabled);
}

TEST_CASE("models inherit hedge and affinity, and may refuse them", "[config]") {
    auto const settings = settings_of(head + R"(defaults: { hedge: p90, affinity: none }
models:
  a: openai/1
  b: { targets: openai/1, hedge: none, affinity: { by_user: true } }
  c: { targets: openai/1, hedge: { at_least: 2s } }
)");
    CHECK(settings.models[0].hedge == HedgeSettings{.enabled = true, .percentile = 90});
    CHECK_FALSE(settings.models[0].affinity.enabled);
    CHECK_FALSE(settings.models[1].hedge.enabled);
    CHECK(settings.models[1].affinity == AffinitySettings{.by_user = true});
    CHECK(settings.models[2].hedge == HedgeSettings{.enabled = true, .percentile = 90, .at_least = milliseconds(2000)});
}

TEST_CASE("a model says what its targets must be like", "[config]") {
    auto const model = model_with(
        "continue_after_cut: true, require: { regions: [eu, ch], zero_retention: true, no_training: true, "
        "max_input_price: 3, max_output_price: 15.5, quantizations: bf16 }");
    CHECK(model.continue_after_cut);
    CHECK(model.require == TargetFilter{.regions = {"eu", "ch"},
                                        .quantizations = {"bf16"},
                                        .zero_retention = true,
                                        .no_training = true,
                                        .max_input_price = PricePerMillion{NanoUsd{3'000'000'000}},
                                        .max_output_price = PricePerMillion{NanoUsd{15'500'000'000}}});
}

TEST_CASE("rules send requests to another model", "[config]") {
    auto const settings = settings_of(head + R"(models:
  a:
    targets: openai/1
    match:
      - when: { key: [ci, "batch-*"], team: search, tags: { env: dev }, headers: { X-Tier: "gold*" } }
        use: b
      - { when: { input_tokens_above: 8k, input_tokens_up_to: 100k, complexity_above: 60, stream: true }, use: c }
      - { when: { needs: [vision, json_schema], hours: "22:00-06:30", weekdays: [sun, sat] }, use: b }
      - { when: { hours: 18:00-24:00, weekdays: mon, percent: 10% }, use: c }
  b: openai/2
  c: openai/3
keys:
  - { name: ci, value: "${KEY}" }
  - { name: batch-1, value: another-long-enough-key }
)");
    auto const& rules = settings.models[0].match;
    REQUIRE(rules.size() == 4);
    CHECK(rules[0] == MatchRule{.callers = {"ci", "batch-*"},
                                .teams = {"search"},
                                .tags = {{"env", "dev"}},
                                .headers = {{"x-tier", "gold*"}},
                                .use = 1});
    CHECK(rules[1] == MatchRule{.input_tokens_above = 8000,
                                .input_tokens_up_to = 100'000,
                                .complexity_above = 60,
                                .stream = true,
                                .use = 2});
    Capabilities needs;
    needs.add(Capability::vision);
    needs.add(Capability::json_schema);
    CHECK(rules[2] ==
          MatchRule{.needs = needs, .hours = DayHours{.from = 1320, .to = 390}, .weekdays = {6, 7}, .use = 1});
    CHECK(rules[3] == MatchRule{.hours = DayHours{.from = 1080, .to = 0}, .weekdays = {1}, .percent = 10, .use = 2});
}

TEST_CASE("a route may ask a model how demanding a request is", "[config]") {
    auto const settings = settings_of(head + R"(models:
  a: { targets: [openai/1, openai/2], route: { policy: complexity, classifier: openai/small } }
  b:
    targets: [openai/1, openai/2]
    route: { policy: complexity, classifier: { to: openai/tiny, timeout: 800ms, max_input: 4KiB } }
    fallbacks: a
  c: { targets: [openai/3, b, a] }
  d: { targets: [openai/1, openai/2], route: complexity }
)");
    auto const& models = settings.models;
    CHECK(models[0].classifier == ClassifierSettings{.target = {"openai", "small"}});
    ClassifierSettings const tiny{.target = {"openai", "tiny"}, .timeout = milliseconds(800), .max_input = 4096};
    CHECK(models[1].classifier == tiny);
    CHECK(models[2].classifier == tiny);
    CHECK_FALSE(models[3].classifier);
    CHECK(models[0].targets.size() == 2);
    CHECK(models[0].extra_targets.empty());
}

TEST_CASE("a provider's queue and probes are its own", "[config]") {
    auto const settings = settings_of(R"(version: 1
providers:
  a: { type: custom, base_url: http://a, api_key: none, max_in_flight: 8, queue: { size: 200, max_wait: 5s } }
  b: { type: custom, base_url: http://b, api_key: none, health: { every: 3s, unhealthy_after: 1, healthy_after: 1 } }
  c: { type: custom, base_url: http://c, api_key: none, health: /ready, max_in_flight: 8, queue: 1k }
models: { x: [a/x, b/x, c/x] }
)");
    CHECK(settings.providers.at("a").queue == QueueSettings{.size = 200, .max_wait = milliseconds(5000)});
    CHECK(settings.providers.at("a").health == HealthCheckSettings{});
    CHECK(
        settings.providers.at("b").health ==
        HealthCheckSettings{.path = "/health", .every = milliseconds(3000), .unhealthy_after = 1, .healthy_after = 1});
    CHECK(settings.providers.at("c").health == HealthCheckSettings{.path = "/ready", .every = milliseconds(10'000)});
    CHECK(settings.providers.at("c").queue.size == 1000);
}

TEST_CASE("a slow start, and a last try when every breaker is open", "[config]") {
    auto const model =
        model_with("timeout: { start_rate: 20, start_window: 1s }, breaker: { try_when_all_open: true }");
    CHECK(model.timeout.start_rate == 20);
    CHECK(model.timeout.start_window == milliseconds(1000));
    CHECK(model.breaker.try_when_all_open);
}

TEST_CASE("a key says who its caller is and what they may do", "[config]") {
    auto const settings = settings_of(head + R"(models: { a: openai/1 }
keys:
  - { name: x, value: "${KEY}", team: search, tags: { env: prod, tier: 2 }, may_steer: false, may_bring_keys: true,
      require: { regions: eu } }
  - { name: y, value: another-long-enough-key }
)");
    CHECK(settings.keys[0].caller.team == "search");
    CHECK(settings.keys[0].caller.tags == std::map<std::string, std::string>{{"env", "prod"}, {"tier", "2"}});
    CHECK_FALSE(settings.keys[0].caller.may_steer);
    CHECK(settings.keys[0].caller.may_bring_keys);
    CHECK(settings.keys[0].caller.require == TargetFilter{.regions = {"eu"}});
    CHECK(settings.keys[1].caller.may_steer);
    CHECK_FALSE(settings.keys[1].caller.may_bring_keys);
    CHECK(settings.keys[1].caller.require.empty());
    CHECK_FALSE(settings.anybody_may_bring_keys);
    CHECK(settings_of(head + "models: { a: openai/1 }\nserver: { bring_keys: true }\n").anybody_may_bring_keys);
}

TEST_CASE("what is shown of routing is a configuration with the same effect", "[config]") {
    auto const first = load_text(R"(version: 1
defaults: { hedge: p90, affinity: { keep: 5m } }
providers:
  openai: { api_key: none, max_in_flight: 3, queue: { size: 5 }, region: us, trains: false }
  own: { type: custom, base_url: http://own, api_key: none, health: /ready, region: eu }
models:
  a:
    targets: [openai/1, { to: b, priority: 1 },
      { to: own/x, quantization: fp8, capabilities: { vision: false, tools: true }, context: 32k, trains: false }]
    route: { policy: score, weights: { price: 1, cache: 0.125 }, explore: 5% }
    fallbacks: own/y
    fallbacks_on: { context_length: [b, own/z] }
    hedge: none
    affinity: none
    require: { regions: [eu], max_input_price: 3 }
    mirror: { to: own/m, percent: 5% }
    continue_after_cut: true
    match:
      - { when: { key: k, hours: "22:00-06:00", weekdays: [sat], percent: 10%, needs: vision, tags: { a: b } }, use: b }
  b: { targets: [openai/2, openai/3], route: { policy: complexity, thresholds: [40], classifier: own/4 } }
  c: { targets: openai/2, route: { policy: slo, first_token: 1s }, hedge: 800ms }
keys: [{ name: k, hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000", team: x,
  tags: { a: b }, require: { zero_retention: true } }]
)");
    REQUIRE(first.settings);
    std::string shown = first.effective_yaml;
    shown.replace(shown.find("\"***\""), 5, "sha256:" + std::string(64, '0'));
    CAPTURE(shown);
    auto const second = load_text(shown);
    CHECK(lines_of(second) == std::vector<std::string>{});
    REQUIRE(second.settings);
    CHECK(second.settings->keys.at(0).caller.require == first.settings->keys.at(0).caller.require);
    CHECK(second.settings->keys.at(0).caller.tags == first.settings->keys.at(0).caller.tags);
    CHECK(second.settings->providers.at("own").health == first.settings->providers.at("own").health);
    CHECK(second.settings->providers.at("openai").traits == first.settings->providers.at("openai").traits);
    for (std::size_t i = 0; i < 3; ++i) {
        ModelSettings const& before = first.settings->models.at(i);
        ModelSettings const& after = second.settings->models.at(i);
        CHECK((after.targets == before.targets && after.routes == before.routes && after.match == before.match));
        CHECK((after.extra_targets == before.extra_targets && after.on_context_length == before.on_context_length));
        CHECK((after.hedge == before.hedge && after.affinity == before.affinity && after.mirror == before.mirror));
        CHECK(after.classifier == before.classifier);
        CHECK((after.require == before.require && after.continue_after_cut == before.continue_after_cut));
    }
}

#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

// clang-format off
std::vector<Wrong> const rows{
    {"a policy by another name", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, route: least_in_flight }, b: { targets: openai/a, route: { policy: latncy } } }
)y",
     {R"y(3:42: `least_in_flight` is not allowed; allowed: fallback, cost, latency, throughput, weighted, least_busy, usage, score, slo, complexity; did you mean `least_busy`?)y",
      R"y(3:102: `latncy` is not allowed; allowed: fallback, cost, latency, throughput, weighted, least_busy, usage, score, slo, complexity; did you mean `latency`?)y"}},
    {"a route without its policy", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, route: { weights: { price: 1 } } } }
)y",
     {R"y(3:42: `policy` is missing in `models.a.route`, for example `policy: score`)y"}},
    {"keys that a policy does not use", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, route: { policy: latency, weights: { price: 1 }, first_token: 1s } }
  b: { targets: openai/a, route: { policy: cost, tokens_per_second: 5, max_failures: 5%, thresholds: [5], explore: 1% } }
)y",
     {R"y(4:62: `weights` means something only with `policy: score`)y",
      R"y(4:89: `first_token` means something only with `policy: slo`)y",
      R"y(5:69: `tokens_per_second` means something only with `policy: slo`)y",
      R"y(5:86: `max_failures` means something only with `policy: slo`)y",
      R"y(5:102: `thresholds` means something only with `policy: complexity`)y",
      R"y(5:116: `explore` means something only with `policy: latency, throughput, score or slo`)y"}},
    {"wrong bounds", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, route: slo }
  b: { targets: openai/a, route: { policy: slo, max_failures: 5, first_token: soon, tokens_per_second: many } }
  c: { targets: openai/a, route: { policy: latency, explore: 60% } }
)y",
     {R"y(4:34: `policy: slo` needs `first_token`, `tokens_per_second`, or both)y",
      R"y(5:63: `5` is not a share: write whole percent, like 10%)y",
      R"y(5:79: `soon` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y",
      R"y(5:104: `many` is not a whole number)y",
      R"y(6:62: `60%` is out of range; allowed: 0% to 50%)y"}},
    {"wrong weights", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, route: { policy: score, weights: { price: cheap, latncy: 1 } } }
  b: { targets: openai/a, route: { policy: score, weights: { price: 0, uptime: 0, throughput: 0, latency: 0, cache: 0 } } }
)y",
     {R"y(4:69: `cheap` is not a number, like 0.5)y",
      R"y(4:76: unknown key `latncy` in `models.a.route.weights`; did you mean `latency`?)y",
      R"y(5:60: one of the `weights` must be above 0)y"}},
    {"wrong thresholds", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: [openai/a, openai/b], route: { policy: complexity, thresholds: [30, 60] } }
  b: { targets: [openai/a, openai/b, openai/c], route: { policy: complexity, thresholds: [60, 30] } }
  c: { targets: [openai/a, openai/b], route: { policy: complexity, thresholds: [low] } }
  d: { targets: [openai/a, openai/b], route: { policy: complexity, thresholds: 101 } }
)y",
     {R"y(4:80: `thresholds` must be one fewer than the targets: 1 for 2)y",
      R"y(5:90: `thresholds` must ascend)y",
      R"y(6:81: `low` is not a whole number)y",
      R"y(7:80: `101` is out of range; allowed: 1 to 100)y"}},
    {"wrong classifiers", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: [openai/a, openai/b], route: { policy: cost, classifier: openai/c } }
  b: { targets: [openai/a, openai/b], route: { policy: complexity, classifier: { timeout: 1m } } }
  c: { targets: [openai/a, openai/b], route: { policy: complexity, classifier: { to: opnai/c, max_input: 1MiB } } }
  d: { targets: [openai/a, openai/b], route: { policy: complexity, classifier: a } }
  e: { targets: [openai/a, openai/b], route: { policy: complexity, classifier: [openai/a] } }
  f: { targets: openai/a, fallbacks: c }
)y",
     {R"y(4:74: `classifier` means something only with `policy: complexity`)y",
      R"y(5:80: `to` is missing in `models.b.route.classifier`, for example `to: groq/llama-3.1-8b-instant`)y",
      R"y(5:91: `1m` is out of range; allowed: 1ms to 10s)y",
      R"y(6:86: there is no provider `opnai`; did you mean `openai`?)y",
      R"y(6:106: `1MiB` is out of range; allowed: 1B to 64KiB)y",
      R"y(7:80: `a` is a model: a classifier needs PROVIDER/UPSTREAM-MODEL)y",
      R"y(8:80: `models.e.route.classifier.to` must be a single value)y"}},
    {"a classifier that may not see what it is asked about", R"y(version: 1
providers: { openai: { api_key: none }, eu: { type: custom, base_url: http://eu, api_key: none, region: eu } }
models:
  a: { targets: [eu/a, eu/b], route: { policy: complexity, classifier: openai/c }, require: { regions: eu } }
)y",
     {R"y(warning 4:93: the classifier of `a` is not known to be like this, and is never asked)y"}},
    {"weights that nothing reads", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: [{ to: openai/a, weight: 2 }], fallbacks: { to: openai/b, weight: 2 } } }
)y",
     {R"y(warning 3:50: `weight` means something only with `route: weighted` or `least_busy`, and under `targets`)y",
      R"y(warning 3:91: `weight` means something only with `route: weighted` or `least_busy`, and under `targets`)y"}},
    {"wrong facts about a target", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: [{ to: openai/a, weight: -1, priority: 2000, context: big, zero_retention: maybe, capabilities: { visoin: true } }] }
  b: [{ to: a, region: eu }, openai/x, { to: openai/x, region: eu }]
)y",
     {R"y(4:42: `-1` is not a whole number)y",
      R"y(4:56: `2000` is out of range; allowed: 0 to 1000)y",
      R"y(4:71: `big` is not a count: write a number, like 500, 20k or 1M)y",
      R"y(4:92: `maybe` is not true or false)y",
      R"y(4:115: unknown key `visoin` in `models.a.targets[0].capabilities`; did you mean `vision`?)y",
      R"y(5:7: facts about a target can't be given for another model's name)y",
      R"y(5:40: this target stands here already, with other facts about it)y",
      R"y(warning 5:46: `openai/x` is a target already)y"}},
    {"wrong hedges", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, hedge: p42 }
  b: { targets: openai/a, hedge: { after: 0s, at_least: 5, max_extra_load: 101%, when: p95 } }
  c: { targets: openai/a, hedge: [p95] }
)y",
     {R"y(4:34: `p42` is not a time to wait: write p50, p75, p90, p95 or p99, a duration like 800ms, or none)y",
      R"y(5:43: `0s` is out of range; allowed: 1ms to 1h)y",
      R"y(5:57: `5` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y",
      R"y(5:76: `101%` is out of range; allowed: 0% to 100%)y",
      R"y(5:82: unknown key `when` in `models.b.hedge`; known: after, at_least, max_extra_load)y",
      R"y(6:34: `models.c.hedge.after` must be a single value)y"}},
    {"wrong affinity", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, affinity: never }, b: { targets: openai/a, affinity: { keep: 2d, by_user: maybe } } }
)y",
     {R"y(3:45: `never` is not a duration: write a number and a unit, like 30s or 10m, or none)y",
      R"y(3:96: `2d` is out of range; allowed: 1ms to 24h)y",
      R"y(3:109: `maybe` is not true or false)y"}},
    {"wrong mirrors", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, mirror: { to: openai/b } }
  b: { targets: openai/a, mirror: { to: a, percent: 5% } }
  c: { targets: openai/a, mirror: { to: opnai/a, percent: 0% } }
  d: { targets: openai/a, mirror: openai/b }
)y",
     {R"y(4:35: `percent` is missing in `models.a.mirror`, for example `percent: 10%`)y",
      R"y(5:41: `a` is a model: a mirror needs PROVIDER/UPSTREAM-MODEL)y",
      R"y(6:41: there is no provider `opnai`; did you mean `openai`?)y",
      R"y(6:59: `0%` is out of range; allowed: 1% to 100%)y",
      R"y(7:35: `models.d.mirror` must be a map)y"}},
    {"wrong fallbacks for one kind of failure", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, fallbacks_on: { context_lenght: openai/b } }
  b: { targets: openai/a, fallbacks_on: { content_filter: [{ to: openai/b, weight: 2 }, c1] } }
  c: { targets: openai/a, fallbacks_on: openai/b }
)y",
     {R"y(4:43: unknown key `context_lenght` in `models.a.fallbacks_on`; did you mean `context_length`?)y",
      R"y(5:84: `weight` means nothing here: these are asked in order)y",
      R"y(5:89: `c1` is neither PROVIDER/UPSTREAM-MODEL nor a model's name; did you mean `c`?)y",
      R"y(6:41: `models.c.fallbacks_on` must be a map)y"}},
    {"wrong requirements", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, require: { region: eu, zero_retention: sure, max_input_price: free } } }
)y",
     {R"y(3:46: unknown key `region` in `models.a.require`; did you mean `regions`?)y",
      R"y(3:74: `sure` is not true or false)y",
      R"y(3:97: `free` is not a price: write US dollars per million tokens, like 0.15)y"}},
    {"rules without what they need", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a:
    targets: openai/a
    match:
      - { use: b }
      - { when: {}, use: b }
      - { when: { stream: true } }
      - { when: { stream: true }, use: bb }
      - { when: { stream: true }, use: a }
      - { when: { stream: true }, use: "x-*" }
  b: openai/b
  x-*: openai/*
)y",
     {R"y(7:9: `when` is empty: the rule would take every request)y",
      R"y(8:17: `when` is empty: the rule would take every request)y",
      R"y(9:9: `use` is missing in `models.a.match[2]`, for example `use: smart`)y",
      R"y(10:40: `bb` is no model's name; did you mean `b`?)y",
      R"y(11:40: a rule of `a` must use another model)y",
      R"y(12:40: `x-*` has a `*`: nothing would fill it)y"}},
    {"rules with wrong conditions", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a:
    targets: openai/a
    match:
      - { when: { keys: ci }, use: b }
      - { when: { key: c, headers: { "a b": c }, input_tokens_above: 8k, input_tokens_up_to: 8k }, use: b }
      - { when: { complexity_above: 100, needs: [sight], stream: perhaps }, use: b }
      - { when: { hours: 22-6, weekdays: [sunday], percent: 0% }, use: b }
      - { when: { hours: "08:00-08:00" }, use: b }
      - { when: { hours: "08:00-25:00" }, use: b }
  b: openai/b
keys: [{ name: ci, value: "${KEY}" }]
)y",
     {R"y(7:19: unknown key `keys` in `models.a.match[0].when`; did you mean `key`?)y",
      R"y(warning 8:24: `c` is no key's name; did you mean `ci`?)y",
      R"y(8:38: `a b` is no header name)y",
      R"y(8:70: `input_tokens_above` is not below `input_tokens_up_to`: no request fits)y",
      R"y(9:37: `100` is out of range; allowed: 0 to 99)y",
      R"y(9:50: `sight` is not allowed; allowed: tools, streaming_tools, parallel_tools, tool_choice_required, vision, audio, json_object, json_schema, reasoning)y",
      R"y(9:66: `perhaps` is not true or false)y",
      R"y(10:26: `22-6` is no range of hours: write two times, like 22:00-06:00)y",
      R"y(10:43: `sunday` is not allowed; allowed: mon, tue, wed, thu, fri, sat, sun; did you mean `sun`?)y",
      R"y(10:61: `0%` is out of range; allowed: 1% to 100%)y",
      R"y(11:26: `08:00-08:00` ends where it begins)y",
      R"y(12:26: `08:00-25:00` is no range of hours: write two times, like 22:00-06:00)y"}},
    {"a rule that would hold a credential", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: openai/a, match: [{ when: { headers: { Authorization: "Bearer x" } }, use: b }] }
  b: openai/b
)y",
     {R"y(4:56: `authorization` holds a credential: match by `key` instead)y"}},
    {"match as a map", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, match: { when: { stream: true }, use: a } } }
)y",
     {R"y(3:42: `models.a.match` must be a list)y"}},
    {"wrong queues and probes", R"y(version: 1
providers:
  openai: { api_key: none, queue: { size: 5 } }
  groq: { api_key: none, health: { path: health, every: 1 } }
  mistral: { api_key: none, max_in_flight: 1, queue: { size: many, wait: 1s }, health: { unhealthy_after: 0 } }
models: { a: [openai/a, groq/a, mistral/a] }
)y",
     {R"y(3:35: `queue` needs `max_in_flight`: without a limit no request would ever wait)y",
      R"y(4:42: `health` is no path: write one like /health)y",
      R"y(4:57: `1` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y",
      R"y(5:62: `many` is not a count: write a number, like 500, 20k or 1M)y",
      R"y(5:68: unknown key `wait` in `providers.mistral.queue`; known: size, max_wait)y",
      R"y(5:107: `0` is out of range; allowed: 1 to 1000)y"}},
    {"wrong rights of a key", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: openai/a }
keys: [{ name: k, value: "${KEY}", may_steer: sometimes, tags: [a], require: { regoins: eu } }]
server: { bring_keys: true }
)y",
     {R"y(4:47: `sometimes` is not true or false)y",
      R"y(4:64: `keys[0].tags` must be a map)y",
      R"y(4:80: unknown key `regoins` in `keys[0].require`; did you mean `regions`?)y",
      R"y(5:23: `server.bring_keys` is for a gateway without `keys`: here a key's `may_bring_keys` decides)y"}},
    {"a slow start that never ends", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, timeout: { start_rate: fast, start_window: 2m } } }
)y",
     {R"y(3:58: `fast` is not a count: write a number, like 500, 20k or 1M)y",
      R"y(3:78: `2m` is out of range; allowed: 1ms to 1m)y"}},
    {"a requirement that nobody is known to meet", R"y(version: 1
providers: { openai: { api_key: none, region: us } }
models: { a: { targets: openai/a, require: { regions: [eu] } } }
)y",
     {R"y(warning 3:44: no target of `a` is known to be like this: say what is true of them under `providers` or `targets`)y"}},
};
// clang-format on

}  // namespace

TEST_CASE("what is wrong with routing is reported with its place and what is allowed", "[config]") {
    for (Wrong const& row : rows) {
        CAPTURE(row.name, row.yaml);
        CHECK(problems_of(row.yaml) == row.problems);
    }
}

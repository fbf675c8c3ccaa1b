#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

// clang-format off
std::vector<Wrong> const rows{
    {"a duration without a unit", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { drain: { delay: 30 } }
)y",
     {R"y(4:27: `30` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y"}},
    {"a duration with a wrong unit", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { drain: { delay: 30sec } }
)y",
     {R"y(4:27: `30sec` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y"}},
    {"a duration out of range", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { timeout: { connect: 2h } }
)y",
     {R"y(4:33: `2h` is out of range; allowed: 0 to 1h)y"}},
    {"a fraction of a millisecond", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { timeout: { connect: 0.5ms } }
)y",
     {R"y(4:33: `0.5ms` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y"}},
    {"a negative duration", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { timeout: { connect: -1s } }
)y",
     {R"y(4:33: `-1s` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y"}},
    {"a size without a unit", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { max_body: 32 }
)y",
     {R"y(4:21: `32` is not a size: write a number and a unit, like 64KiB or 32MiB)y"}},
    {"a size with a wrong unit", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { max_body: 32mb }
)y",
     {R"y(4:21: `32mb` is not a size: write a number and a unit, like 64KiB or 32MiB)y"}},
    {"a size out of range", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { max_body: 2GiB }
)y",
     {R"y(4:21: `2GiB` is out of range; allowed: 1KiB to 1GiB)y"}},
    {"a share without its sign", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { breaker: { failure_ratio: 0.5 } }
)y",
     {R"y(4:39: `0.5` is not a share: write whole percent, like 10%)y"}},
    {"a share above all", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { breaker: { failure_ratio: 150% } }
)y",
     {R"y(4:39: `150%` is out of range; allowed: 1% to 100%)y"}},
    {"a count that is a word", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
telemetry: { metrics: { max_series: many } }
)y",
     {R"y(4:37: `many` is not a count: write a number, like 500, 20k or 1M)y"}},
    {"a whole number with a fraction", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { retry: { attempts: 1.5 } }
)y",
     {R"y(4:32: `1.5` is not a whole number)y"}},
    {"too many attempts", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { retry: { attempts: 11 } }
)y",
     {R"y(4:32: `11` is out of range; allowed: 0 to 10)y"}},
    {"a number that does not fit", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { workers: 99999999999999999999 }
)y",
     {R"y(4:20: `99999999999999999999` is not a whole number)y"}},
    {"a backoff that is one duration", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { retry: { backoff: 1s } }
)y",
     {R"y(4:31: `1s` is not a range of durations: write two with two dots between, like 250ms..4s)y"}},
    {"a backoff that runs backwards", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { retry: { backoff: 4s..1s } }
)y",
     {R"y(4:31: `4s..1s` starts above its end)y"}},
    {"a wrong reason for a retry", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
defaults: { retry: { when: [conect, 5xx, 404] } }
)y",
     {R"y(4:29: `conect` is not allowed; allowed: connect, timeout, 429, 5xx; did you mean `connect`?)y",
      R"y(4:42: `404` is not allowed; allowed: connect, timeout, 429, 5xx)y"}},
    {"a boolean of YAML 1.1", R"y(version: 1
providers: { openai: { api_key: none, include_usage: yes } }
models: { "*": openai/* }
)y",
     {R"y(2:54: `yes` is not true or false)y"}},
    {"a wrong choice", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
telemetry: { log: { format: jsn, level: loud } }
)y",
     {R"y(4:29: `jsn` is not allowed; allowed: auto, json, text; did you mean `json`?)y",
      R"y(4:41: `loud` is not allowed; allowed: debug, info, warning, error)y"}},
    {"a breaker that opens longer than the longest", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, breaker: { open_for: 2m } } }
)y",
     {R"y(3:44: `breaker.open_for` is longer than `open_max`)y"}},
    {"a map where a value belongs", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: { host: a } }
)y",
     {R"y(4:19: `server.listen` must be a single value)y"}},
    {"a value where a map belongs", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: fast
)y",
     {R"y(4:9: `server` must be a map)y"}},
    {"an empty value", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server:
  listen:
)y",
     {R"y(5:3: `server.listen` is empty)y"}},
    {"an address without a port", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 127.0.0.1 }
)y",
     {R"y(4:19: `127.0.0.1` is not an address: write host:port, like 127.0.0.1:8080 or [::1]:8080)y"}},
    {"an address without a host", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: ":8080" }
)y",
     {R"y(4:19: `:8080` has no host: write 0.0.0.0:8080 for every address)y"}},
    {"an address with a wrong port", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { admin_listen: "127.0.0.1:70000" }
)y",
     {R"y(4:25: `127.0.0.1:70000` is not an address: write host:port, like 127.0.0.1:8080 or [::1]:8080)y"}},
    {"one address twice", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 127.0.0.1:9090 }
)y",
     {R"y(4:19: `server.admin_listen` is the same as `server.listen`)y"}},
};
// clang-format on

}  // namespace

TEST_CASE("what is wrong with single values is reported with its place and what is allowed", "[config]") {
    for (Wrong const& row : rows) {
        CAPTURE(row.name, row.yaml);
        CHECK(problems_of(row.yaml) == row.problems);
    }
}

#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

// clang-format off
std::vector<Wrong> const rows{
    {"no models", R"y(version: 1
)y",
     {R"y(1:1: there are no `models`: a client could ask for nothing; the shortest is `"*": PROVIDER/*`)y"}},
    {"empty models", R"y(version: 1
models:
)y",
     {R"y(2:1: there are no `models`: a client could ask for nothing; the shortest is `"*": PROVIDER/*`)y"}},
    {"models as a list", R"y(version: 1
models: [a, b]
)y",
     {R"y(2:9: `models` must be a map)y"}},
    {"planned provider type", R"y(version: 1
providers: { claude: { type: anthropic, api_key: none } }
models: { "*": claude/* }
)y",
     {R"y(2:30: `anthropic` is a provider type that this version does not support)y"}},
    {"an unknown provider type", R"y(version: 1
providers: { a: { type: opnai, api_key: none } }
models: { "*": a/* }
)y",
     {R"y(2:25: `opnai` is no provider type; did you mean `openai`?)y"}},
    {"no provider type", R"y(version: 1
providers: { opena: { api_key: none, base_url: "https://x.example" } }
models: { "*": opena/* }
)y",
     {R"y(2:14: `type` is missing in `providers.opena`; did you mean `openai`?)y"}},
    {"a weight of nothing", R"y(version: 1
providers:
  openai:
    api_keys: [{ name: a, value: "${KEY}", weight: 0 }]
models: { "*": openai/* }
)y",
     {R"y(4:52: `0` is out of range; allowed: 1 to 1000)y"}},
    {"a base URL without a scheme", R"y(version: 1
providers: { a: { type: custom, api_key: none, base_url: llm.example/v1 } }
models: { "*": a/* }
)y",
     {R"y(2:58: `llm.example/v1` is not a URL: it must start with https:// or http://)y"}},
    {"a base URL with a password", R"y(version: 1
providers: { a: { type: custom, api_key: none, base_url: "https://me:pw@llm.example/v1" } }
models: { "*": a/* }
)y",
     {R"y(2:58: this URL holds a name or password: give the key as `api_key`)y"}},
    {"a base URL with a query", R"y(version: 1
providers: { a: { type: custom, api_key: none, base_url: "https://llm.example/v1?x=1" } }
models: { "*": a/* }
)y",
     {R"y(2:58: `https://llm.example/v1?x=1` may have no query and no fragment)y"}},
    {"a base URL without a host", R"y(version: 1
providers: { a: { type: custom, api_key: none, base_url: "https:///v1" } }
models: { "*": a/* }
)y",
     {R"y(2:58: `https:///v1` has no valid host)y"}},
    {"a base URL with a wrong port", R"y(version: 1
providers: { a: { type: custom, api_key: none, base_url: "https://llm.example:0/v1" } }
models: { "*": a/* }
)y",
     {R"y(2:58: `https://llm.example:0/v1` has no valid port; allowed: 1 to 65535)y"}},
    {"no base URL for a custom provider", R"y(version: 1
providers: { a: { type: custom, api_key: none } }
models: { "*": a/* }
)y",
     {R"y(2:14: `base_url` is missing in `providers.a`: type `custom` has none of its own)y"}},
    {"a provider that is this gateway", R"y(version: 1
providers: { a: { type: custom, api_key: none, base_url: "http://localhost:8080/v1" } }
models: { "*": a/* }
)y",
     {R"y(2:58: `base_url` of `providers.a` is this gateway's own address (`server.listen`))y"}},
    {"a proxy with a password", R"y(version: 1
providers: { openai: { api_key: none, proxy: "http://me:pw@proxy:3128" } }
models: { "*": openai/* }
)y",
     {R"y(2:46: this URL holds a name or password, which is not supported)y"}},
    {"a proxy that is no HTTP proxy", R"y(version: 1
providers: { openai: { api_key: none, proxy: "socks5://proxy:1080" } }
models: { "*": openai/* }
)y",
     {R"y(2:46: `socks5://proxy:1080` is not supported: only http:// proxies are)y"}},
    {"headers that are not the user's", R"y(version: 1
providers: { openai: { api_key: none, headers: { Host: a, authorization: b, "bad name": c, x-ok: "a\nb" } } }
models: { "*": openai/* }
)y",
     {R"y(2:50: header `Host` is set by Sluice)y",
      R"y(2:59: header `authorization` is set from `api_key`)y",
      R"y(2:77: `bad name` is no header name)y",
      R"y(2:98: a header value holds a character that no header can carry)y"}},
    {"a header scheme without its header", R"y(version: 1
providers: { openai: { api_key: "${KEY}", auth: { scheme: header } } }
models: { "*": openai/* }
)y",
     {R"y(2:49: `auth.header` is missing: `scheme: header` needs it)y"}},
    {"a provider's name with a slash", R"y(version: 1
providers: { a/b: { type: openai, api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(2:14: a provider's name can't hold `/`, `*` or a space)y",
      R"y(3:16: there is no provider `openai`; known: a/b)y"}},
    {"an unknown provider", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: opnai/gpt-4o }
)y",
     {R"y(3:14: there is no provider `opnai`; did you mean `openai`?)y"}},
    {"no providers", R"y(version: 1
models: { a: openai/gpt-4o }
)y",
     {R"y(2:14: there is no provider `openai`)y"}},
    {"an unknown model", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  smart: openai/gpt-5
  b: [smrt, openai/x]
)y",
     {R"y(5:7: `smrt` is neither PROVIDER/UPSTREAM-MODEL nor a model's name; did you mean `smart`?)y"}},
    {"an empty target", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: "", b: openai/, c: /x }
)y",
     {R"y(3:14: a target is empty)y",
      R"y(3:21: `openai/` is not PROVIDER/UPSTREAM-MODEL)y",
      R"y(3:33: `/x` is not PROVIDER/UPSTREAM-MODEL)y"}},
    {"no targets", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: [], b: { description: x }, c: }
)y",
     {R"y(3:14: `targets` is empty)y",
      R"y(3:18: `targets` is missing in `models.b`, for example `targets: [openai/gpt-5, groq/openai/gpt-oss-120b]`)y",
      R"y(3:41: `targets` is missing in `models.c`, for example `targets: [openai/gpt-5, groq/openai/gpt-oss-120b]`)y"}},
    {"a target that is a list", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: [[openai/a]] }
)y",
     {R"y(3:15: `models.a.targets[0]` must be a single value)y"}},
    {"a target without its name", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: [{ too: openai/a }] }
)y",
     {R"y(3:15: `to` is missing in `models.a.targets[0]`, for example `to: openai/gpt-5`)y",
      R"y(3:17: unknown key `too` in `models.a.targets[0]`; did you mean `to`?)y"}},
    {"a star that nothing fills", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: openai/* }
)y",
     {R"y(3:14: `openai/*` has a `*`, but the model's name has none that could fill it)y"}},
    {"two stars", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*-*": openai/*, "x*": "openai/*/*" }
)y",
     {R"y(3:11: `*-*` has more than one `*`)y",
      R"y(3:34: `openai/*/*` has more than one `*`)y"}},
    {"a target twice", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: [openai/a, openai/b, openai/a] }
)y",
     {R"y(warning 3:35: `openai/a` is a target already)y"}},
    {"a model that refers to itself", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: [openai/a, a] }
)y",
     {R"y(3:25: models refer to each other in a circle: a -> a)y"}},
    {"models in a circle", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: [openai/a, b]
  b: c
  c: { targets: openai/c, fallbacks: [a] }
  d: [a, openai/d]
)y",
     {R"y(6:39: models refer to each other in a circle: a -> b -> c -> a)y"}},
    {"a provider that nobody uses", R"y(version: 1
providers: { openai: { api_key: none }, groq: { api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(warning 2:41: no model uses provider `groq`)y"}},
    {"a first token later than the whole", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, timeout: { first_token: 5m, total: 1m } } }
)y",
     {R"y(warning 3:44: `timeout.first_token` is longer than `total`, which ends the request first)y"}},
    {"a model's own connect timeout", R"y(version: 1
providers: { openai: { api_key: none } }
models: { a: { targets: openai/a, timeout: { connect: 5s } } }
)y",
     {R"y(3:46: unknown key `connect` in `models.a.timeout`; known: first_token, whole_answer, idle, total, min_rate, start_rate, start_window)y"}},
};
// clang-format on

}  // namespace

TEST_CASE("what is wrong with providers and models is reported with its place and what is allowed", "[config]") {
    for (Wrong const& row : rows) {
        CAPTURE(row.name, row.yaml);
        CHECK(problems_of(row.yaml) == row.problems);
    }
}

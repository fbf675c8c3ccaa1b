#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

// clang-format off
std::vector<Wrong> const rows{
    {"a public listener without keys", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 0.0.0.0:8080 }
)y",
     {R"y(4:19: `server.listen` is not a loopback address and there are no `keys`: anybody could use the providers; add `keys`, or listen on 127.0.0.1)y"}},
    {"a public listener without keys over IPv6", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: "[::]:8080" }
)y",
     {R"y(4:19: `server.listen` is not a loopback address and there are no `keys`: anybody could use the providers; add `keys`, or listen on 127.0.0.1)y"}},
    {"an empty list of keys is no keys", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 0.0.0.0:8080 }
keys: []
)y",
     {R"y(4:19: `server.listen` is not a loopback address and there are no `keys`: anybody could use the providers; add `keys`, or listen on 127.0.0.1)y"}},
    {"half a certificate", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { tls: { certificate: key.txt } }
)y",
     {R"y(4:16: `server.tls` needs `certificate` and `key`; `key` is missing)y"}},
    {"certificates that are not there", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { tls: { certificate: a.crt, key: key.txt } }
)y",
     {R"y(4:31: can't read a.crt: No such file or directory)y"}},
    {"a provider without a key", R"y(version: 1
providers: { groq: { type: groq } }
models: { "*": groq/* }
)y",
     {R"y(2:14: provider `groq` has no key: write `api_key: ${GROQ_API_KEY}`, or `api_key: none` if it needs none)y"}},
    {"no key for an address that is not the provider's own", R"y(version: 1
providers:
  openai: { base_url: "https://llm.example/v1" }
models: { "*": openai/* }
)y",
     {R"y(3:3: provider `openai` has no key: write `api_key: ${OPENAI_API_KEY}`, or `api_key: none` if it needs none)y"}},
    {"two ways to give a key", R"y(version: 1
providers:
  openai:
    api_key: ${KEY}
    api_keys: [{ name: a, value: "${KEY}" }]
models: { "*": openai/* }
)y",
     {R"y(5:15: `api_key` and `api_keys` exclude each other)y"}},
    {"no keys in the list of keys", R"y(version: 1
providers: { openai: { api_keys: [] } }
models: { "*": openai/* }
)y",
     {R"y(2:34: `api_keys` is empty)y"}},
    {"a key without its value, and a name twice", R"y(version: 1
providers:
  openai:
    api_keys:
      - { name: a }
      - { name: a, value: "${KEY}" }
models: { "*": openai/* }
)y",
     {R"y(5:9: `value` is missing in `providers.openai.api_keys[0]`, for example `value: { env: OPENAI_KEY_A }`)y",
      R"y(6:17: duplicate name `a`)y"}},
    {"a variable that is not set", R"y(version: 1
providers: { openai: { api_key: "${MISSING}" } }
models: { "*": openai/* }
)y",
     {R"y(2:33: environment variable MISSING is not set; give it a value, or a default: ${MISSING:-...})y"}},
    {"a variable with a message", R"y(version: 1
providers: { openai: { api_key: "${MISSING:?ask the platform team}" } }
models: { "*": openai/* }
)y",
     {R"y(2:33: environment variable MISSING is not set: ask the platform team)y"}},
    {"a variable that is never closed", R"y(version: 1
providers:
  openai:
    api_key: ${KEY
models: { "*": openai/* }
)y",
     {R"y(4:14: `${` without its `}`; write `$$` for a dollar sign)y"}},
    {"a variable with another shell's operator", R"y(version: 1
providers:
  openai:
    api_key: ${KEY-x}
models: { "*": openai/* }
)y",
     {R"y(4:14: `${` must be ${NAME}, ${NAME:-default} or ${NAME:?message}; write `$$` for a dollar sign)y"}},
    {"a variable with a wrong value", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { drain: { delay: "${WORD}" } }
)y",
     {R"y(4:27: the value of `${WORD}` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y"}},
    {"an empty variable for a secret", R"y(version: 1
providers: { openai: { api_key: "${EMPTY}" } }
models: { "*": openai/* }
)y",
     {R"y(2:33: the value of `${EMPTY}` is empty)y"}},
    {"other programs' variables", R"y(version: 1
providers:
  a: { type: openai, api_key: $KEY }
  b: { type: openai, api_key: os.environ/KEY }
  c: { type: openai, api_key: env.KEY }
models: { a: a/m, b: b/m, c: c/m }
)y",
     {R"y(3:31: this is no variable here: write ${NAME} or { env: NAME }, and `$$` for a dollar sign)y",
      R"y(4:31: this is no variable here: write ${NAME} or { env: NAME }, and `$$` for a dollar sign)y",
      R"y(5:31: this is no variable here: write ${NAME} or { env: NAME }, and `$$` for a dollar sign)y"}},
    {"a secret with a space", R"y(version: 1
providers: { openai: { api_key: "sk live" } }
models: { "*": openai/* }
)y",
     {R"y(2:33: this secret holds a space, a line break or a character that no header can carry)y"}},
    {"a secret from an unset variable", R"y(version: 1
providers: { openai: { api_key: { env: MISSING } } }
models: { "*": openai/* }
)y",
     {R"y(2:40: environment variable MISSING is not set)y"}},
    {"a secret from a file that is not there", R"y(version: 1
providers: { openai: { api_key: { file: missing.txt } } }
models: { "*": openai/* }
)y",
     {R"y(2:41: can't read missing.txt: No such file or directory)y"}},
    {"a secret from somewhere else", R"y(version: 1
providers: { openai: { api_key: { vault: x } } }
models: { "*": openai/* }
)y",
     {R"y(2:35: unknown key `vault` for a secret; known: env, file)y"}},
    {"a secret with two sources", R"y(version: 1
providers: { openai: { api_key: { env: KEY, file: key.txt } } }
models: { "*": openai/* }
)y",
     {R"y(2:33: a secret is `{ env: VARIABLE }`, `{ file: PATH }` or a text)y"}},
    {"a virtual key without a name", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ value: "${KEY}" }]
)y",
     {R"y(4:8: `name` is missing in `keys[0]`, for example `name: search`)y"}},
    {"a virtual key without a value", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a }]
)y",
     {R"y(4:8: `keys[0]` has neither `value` nor `hash`)y"}},
    {"a virtual key with both", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, value: "${KEY}", hash: "sha256:0000000000000000000000000000000000000000000000000000000000000000" }]
)y",
     {R"y(4:42: `value` and `hash` exclude each other)y"}},
    {"a hash that is none", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, hash: "sha256:12" }]
)y",
     {R"y(4:25: this is not a hash: write sha256: and 64 hexadecimal digits in lower case)y"}},
    {"key names and values twice", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys:
  - { name: a, value: "${KEY}" }
  - { name: a, value: another-long-enough-key }
  - { name: b, value: "${KEY}" }
)y",
     {R"y(6:13: duplicate key name `a`: it stands already at sluice.yaml:5)y",
      R"y(7:5: the same key as `a` at sluice.yaml:5)y"}},
    {"a short key", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, value: test }]
)y",
     {R"y(warning 4:26: this key is shorter than 16 characters, and can be guessed)y"}},
    {"a key for an unknown model", R"y(version: 1
providers: { openai: { api_key: none } }
models: { fast: openai/a, "gpt-*": openai/gpt-* }
keys: [{ name: a, value: "${KEY}", models: [fats, gpt-5, "gpt-*"] }]
)y",
     {R"y(4:45: `fats` is no model's name; did you mean `fast`?)y"}},
    {"a key for no model", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, value: "${KEY}", models: [] }]
)y",
     {R"y(4:44: `models` is empty: leave it out to allow all, or name some)y"}},
    {"a wrong date", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, value: "${KEY}", expires: 2027-02-30 }]
)y",
     {R"y(4:45: `2027-02-30` is not a date: write 2027-01-31 or 2027-01-31T12:00:00Z)y"}},
    {"keys as a map", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: { a: { value: x } }
)y",
     {R"y(4:7: `keys` must be a list)y"}},
    {"wrong prices", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
prices:
  opnai/a: { input: 1, output: 2 }
  nothing: { input: 1, output: 2 }
  openai/b: { input: free, output: -1 }
  openai/c: { input: 1 }
  openai/d: { input: 1, output: 2, tiers: [{ above: 200k, input: 3, output: 4 },
    { above: 200000, input: 5, output: 6 }, { above: 0, input: 1, output: 1 }, { above: 9 }] }
)y",
     {R"y(5:3: there is no provider `opnai`; did you mean `openai`?)y",
      R"y(6:3: `nothing` is not PROVIDER/UPSTREAM-MODEL)y",
      R"y(7:22: `free` is not a price: write US dollars per million tokens, like 0.15)y",
      R"y(7:36: `-1` is not a price: write US dollars per million tokens, like 0.15)y",
      R"y(8:3: `output` is missing in `prices.openai/c`, for example `output: 0.08`)y",
      R"y(10:14: two tiers of `prices.openai/d` begin at the same `above`)y",
      R"y(10:54: `0` is out of range; allowed: 1 to 1000M)y",
      R"y(10:80: `input` is missing in `prices.openai/d.tiers[3]`, for example `input: 0.05`)y",
      R"y(10:80: `output` is missing in `prices.openai/d.tiers[3]`, for example `output: 0.08`)y"}},
};
// clang-format on

}  // namespace

TEST_CASE("what is wrong with secrets, variables and virtual keys is reported with its place and what is allowed",
          "[config]") {
    for (Wrong const& row : rows) {
        CAPTURE(row.name, row.yaml);
        CHECK(problems_of(row.yaml) == row.problems);
    }
}

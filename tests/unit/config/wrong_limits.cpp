#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

// clang-format off
std::vector<Wrong> const rows{
    {"an unknown team", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
teams: { search: }
keys: [{ name: a, value: "${KEY}", team: serch }]
)y",
     {R"y(5:42: `serch` is no team; did you mean `search`?)y"}},
    {"a key with more models than its team", R"y(version: 1
providers: { openai: { api_key: none } }
models: { fast: openai/a, smart: openai/b }
teams: { search: { models: [fast] } }
keys: [{ name: a, value: "${KEY}", team: search, models: [smart] }]
)y",
     {R"y(5:59: `smart` is none of the models of team `search`; known: fast)y"}},
    {"a team with a model that is not there", R"y(version: 1
providers: { openai: { api_key: none } }
models: { fast: openai/a }
teams: { search: { models: [fats], rates: { rpm: 1 } } }
)y",
     {R"y(4:29: `fats` is no model's name; did you mean `fast`?)y",
      R"y(4:36: unknown key `rates` in `teams.search`; did you mean `rate`?)y"}},
    {"names that mean more than one", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
teams: { "s*": }
keys: [{ name: "a*", value: "${KEY}" }, { name: k_abc, value: "${KEY}2" }]
)y",
     {R"y(4:10: a team's name can't hold `*`)y",
      R"y(5:16: a key's name can't hold `*`)y",
      R"y(5:49: a key's name can't begin with `k_`: ids of others do)y"}},
    {"rates that are none", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys:
  - name: a
    value: ${KEY}
    rate:
      rpm: 0
      tpm: many
      rps: 5
      windows: [{ per: day }, { requests: 5 }, { requests: 5, per: day, rolling: true }, { tokens: 5, per: 1ms },
        { tokens: 5, per: fortnight }, { requests: 9, per: day }]
)y",
     {R"y(8:12: `0` is out of range; allowed: 1 to 1000000M)y",
      R"y(9:12: `many` is not a count: write a number, like 500, 20k or 1M)y",
      R"y(10:7: unknown key `rps` in `keys[0].rate`; did you mean `rpm`?)y",
      R"y(11:17: `keys[0].rate.windows[0]` needs `requests`, `tokens`, or both)y",
      R"y(11:31: `per` is missing in `keys[0].rate.windows[1]`, for example `per: day`)y",
      R"y(11:82: `rolling` needs a duration, like `per: 24h`)y",
      R"y(11:108: `1ms` is no period: a duration must be whole seconds, from 1s to 366d)y",
      R"y(12:27: `fortnight` is no period: write day, week, month, total, or a duration like 1h)y",
      R"y(12:40: a limit for the same time stands here already)y"}},
    {"budgets that are none", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
storage: { database: "sqlite:///x" }
keys:
  - name: a
    value: ${KEY}
    budget: [{ usd: 5 }, { per: day }, { usd: five, per: day }, { usd: 1, per: day, when_short: clip },
      { usd: 2, per: day }, { usd: 2, per: week, warn_at: [0.5, 120%], unpriced: ask }, 5]
)y",
     {R"y(8:14: `per` is missing in `keys[0].budget[0]`, for example `per: day`)y",
      R"y(8:26: `usd` is missing in `keys[0].budget[1]`, for example `usd: 5`)y",
      R"y(8:47: `five` is not an amount: write US dollars, like 5 or 0.25)y",
      R"y(8:97: `clip` is not allowed; allowed: reject, clamp)y",
      R"y(9:7: a budget for the same time stands here already)y",
      R"y(9:60: `0.5` is not a share: write whole percent, like 10%)y",
      R"y(9:65: `120%` is out of range; allowed: 1% to 100%)y",
      R"y(9:82: `ask` is not allowed; allowed: reject, allow)y",
      R"y(9:89: `keys[0].budget[6]` must be a map)y"}},
    {"limits of nobody, of two, of somebody unknown, and twice", R"y(version: 1
providers: { openai: { api_key: none, limits: { rpm: 1 } } }
models: { fast: openai/a, smart: openai/b }
limits:
  - { rate: { rpm: 1 } }
  - { user: a, model: fast, rate: { rpm: 1 } }
  - { model: fats, rate: { rpm: 1 } }
  - { provider: opnai, rate: { rpm: 1 } }
  - { provider: openai, rate: { rpm: 1 } }
  - { user: "*" }
  - { user: "a*b*", rate: { rpm: 1 } }
  - { tag: { a: b, c: d }, rate: { rpm: 1 } }
  - { model: smart, rate: { rpm: 1 } }
  - { model: smart, rate: { rpm: 2 } }
)y",
     {R"y(2:47: `openai` has limits already, at sluice.yaml:9)y",
      R"y(5:5: `limits[0]` needs one of `model`, `provider`, `user` and `tag`)y",
      R"y(6:5: `limits[1]` needs one of `model`, `provider`, `user` and `tag`)y",
      R"y(7:14: `fats` is no model's name; did you mean `fast`?)y",
      R"y(8:17: `opnai` is no provider; did you mean `openai`?)y",
      R"y(10:5: `limits[5]` has neither `rate` nor `budget`)y",
      R"y(11:13: `a*b*` has more than one `*`)y",
      R"y(12:12: `tag` names one tag; for each further one write another entry)y",
      R"y(14:14: `smart` has limits already, at sluice.yaml:13)y"}},
    {"limits of targets that contradict each other, or are a model's", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: { targets: [{ to: openai/1, limits: { rpm: 1 } }] }
  b: { targets: [{ to: openai/1, limits: { rpm: 2 } }, { to: a, limits: { rpm: 1 } }] }
)y",
     {R"y(5:42: `openai/1` has other limits already, at sluice.yaml:4)y",
      R"y(5:73: limits of a target can't be given for another model's name; write them under `limits`)y"}},
    {"networks and endpoints", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, value: "${KEY}", networks: [10.0.0.1/8, office, "::1/129"], endpoints: [/v1/model] }]
)y",
     {R"y(4:47: `10.0.0.1/8` is no network: write one like 10.0.0.0/8 or 2001:db8::/32, without bits behind its prefix)y",
      R"y(4:59: `office` is no network: write one like 10.0.0.0/8 or 2001:db8::/32, without bits behind its prefix)y",
      R"y(4:67: `::1/129` is no network: write one like 10.0.0.0/8 or 2001:db8::/32, without bits behind its prefix)y",
      R"y(4:91: `/v1/model` is not allowed; allowed: /v1/chat/completions, /v1/models; did you mean `/v1/models`?)y"}},
    {"addresses of stores", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
storage: { database: "mysql://db/x", shared_state: "redis://", if_unavailable: maybe, retention: { calls: 1h } }
)y",
     {R"y(4:22: this secret is no address of a store: write sqlite://... or postgresql://...)y",
      R"y(4:52: this secret is no address of a store: write redis://...)y",
      R"y(4:80: `maybe` is not allowed; allowed: deny, allow)y",
      R"y(4:107: `1h` is out of range; allowed: 24h to 36500d)y"}},
    {"a database without an absolute path", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
storage: { database: "sqlite://sluice.db" }
)y",
     {R"y(4:22: this secret needs an absolute path: sqlite:///var/lib/sluice/sluice.db)y"}},
    {"no place for a database", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
keys: [{ name: a, value: "${KEY}", budget: { usd: 1, per: day } }]
)y",
     {R"y(1:1: there is no place for the database: write `storage.database`, or set SLUICE_DATA_DIR to an absolute path)y"}},
    {"admin tokens", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
storage: { database: "sqlite:///x" }
admin:
  token: short
  tokens: [{ name: a, token: "${KEY}", team: t }, { name: a, token: "${KEY}", team: t }, { name: b, token: "${KEY}1" }]
  warning_webhook: hooks.example/x
)y",
     {R"y(6:10: this token is shorter than 16 characters, and can be guessed)y",
      R"y(7:59: duplicate name `a`)y",
      R"y(7:69: this token stands here twice)y",
      R"y(7:90: `team` is missing in `admin.tokens[2]`, for example `team: search`)y",
      R"y(8:20: this URL is not a URL: it must start with https:// or http://)y"}},
    {"no keys asked for on a public address", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 0.0.0.0:8080, auth: none }
)y",
     {R"y(4:19: `server.listen` is not a loopback address and `auth` is `none`: anybody could use the providers; if that is what you want, say `unprotected: true`)y"}},
    {"an acknowledgement alone", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 0.0.0.0:8080, unprotected: true }
)y",
     {R"y(4:19: `server.listen` is not a loopback address and there are no `keys`: anybody could use the providers; add `keys`, or listen on 127.0.0.1)y"}},
    {"an acknowledgement of nothing", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { auth: none, unprotected: true }
)y",
     {R"y(4:36: `unprotected` means something only with `auth: none` on an address that is not loopback)y"}},
    {"keys that nobody could have", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { auth: keys }
)y",
     {R"y(4:17: `auth: keys`, but there are neither `keys` nor `storage`: nobody could call)y"}},
    {"keys that nobody looks at", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { auth: none }
keys: [{ name: a, value: "${KEY}" }]
)y",
     {R"y(4:17: `auth: none` and `keys` exclude each other: nobody would look at them)y"}},
};
// clang-format on

}  // namespace

TEST_CASE("what is wrong with limits, teams and storage is reported with its place and what is allowed",
          "[config][limits]") {
    for (Wrong const& row : rows) {
        CAPTURE(row.name, row.yaml);
        CHECK(problems_of(row.yaml) == row.problems);
    }
}

TEST_CASE("a variable for every program is named when it is no database of ours", "[config][storage]") {
    auto const result =
        load_text("version: 1\nproviders: { openai: { api_key: none } }\nmodels: { '*': openai/* }\nstorage: {}\n",
                  {{"DATABASE_URL", "mysql://u:secret@db/x"}});
    CHECK(
        lines_of(result) ==
        std::vector<std::string>{"4:10: environment variable DATABASE_URL is no address of a store: write sqlite://... "
                                 "or postgresql://..., or write `storage.database`"});
}

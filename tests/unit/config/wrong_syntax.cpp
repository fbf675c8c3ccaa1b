#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

// clang-format off
std::vector<Wrong> const rows{
    {"an empty file", R"y()y",
     {R"y(1:1: `version` is missing, for example `version: 1`)y",
      R"y(1:1: there are no `models`: a client could ask for nothing; the shortest is `"*": PROVIDER/*`)y"}},
    {"a comment only", R"y(# nothing
)y",
     {R"y(1:1: `version` is missing, for example `version: 1`)y",
      R"y(1:1: there are no `models`: a client could ask for nothing; the shortest is `"*": PROVIDER/*`)y"}},
    {"a list instead of a map", R"y(- version: 1
)y",
     {R"y(1:1: the file must be a map)y"}},
    {"a word instead of a map", R"y(hello
)y",
     {R"y(1:1: the file must be a map)y"}},
    {"two documents", R"y(version: 1
models: { "*": openai/* }
providers: { openai: { api_key: none } }
---
version: 1
)y",
     {R"y(6:1: a second YAML document: one file is one document)y"}},
    {"no version", R"y(providers: { openai: { api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(1:1: `version` is missing, for example `version: 1`)y"}},
    {"a version of the future", R"y(version: 2
providers: { openai: { api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(1:10: `2` is out of range; allowed: 1)y"}},
    {"a version that is a word", R"y(version: one
providers: { openai: { api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(1:10: `one` is not a whole number)y"}},
    {"an unknown top-level key", R"y(version: 1
modles: { a: openai/b }
providers: { openai: { api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(2:1: unknown key `modles`; did you mean `models`?)y"}},
    {"an unknown key without a neighbour", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { zzzzzz: 1 }
)y",
     {R"y(4:11: unknown key `zzzzzz` in `server`; known: listen, auth, unprotected, admin_listen, tls, workers, max_body, cors, drain, stream, idempotency, bring_keys, limits)y"}},
    {"fallback for fallbacks", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  smart:
    targets: [openai/a]
    fallback: [openai/b]
)y",
     {R"y(6:5: unknown key `fallback` in `models.smart`; did you mean `fallbacks`?)y"}},
    {"a duplicate key", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  a: openai/a
  b: openai/b
  a: openai/c
)y",
     {R"y(6:3: duplicate key `a`: it stands already on line 4)y"}},
    {"a duplicate section", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
server: { listen: 127.0.0.1:1 }
server: { listen: 127.0.0.1:2 }
)y",
     {R"y(5:1: duplicate key `server`: it stands already on line 4)y"}},
    {"a planned section", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
compat: { litellm: true }
)y",
     {R"y(4:1: `compat` is not supported by this version: nothing would enforce it)y"}},
    {"planned keys", R"y(version: 1
providers:
  openai: { api_key: none, weight: 5 }
models:
  a:
    targets: [openai/a]
    cache: { mode: exact }
    kind: embeddings
)y",
     {R"y(3:28: `providers.openai.weight` is not supported by this version: nothing would enforce it)y",
      R"y(7:5: `models.a.cache` is not supported by this version: nothing would enforce it)y",
      R"y(8:5: `models.a.kind` is not supported by this version: nothing would enforce it)y"}},
    {"a variable in a flow map without quotes", R"y(version: 1
providers: { openai: { api_key: ${KEY} } }
models: { "*": openai/* }
)y",
     {R"y(2:34: inside { } and [ ] a ${VARIABLE} needs quotes: "${VARIABLE}")y"}},
    {"an unquoted star", R"y(version: 1
providers: { openai: { api_key: none } }
models:
  *: openai/*
)y",
     {R"y(4:3: `*` starts a YAML alias: quote a star ("*"), or define the anchor (`&name`) above)y"}},
    {"a tab", R"y(version: 1
server:
	listen: 127.0.0.1:1
)y",
     {R"y(3:8: a tab in the indentation: use spaces)y"}},
    {"a bad indentation", R"y(version: 1
server:
  listen: 127.0.0.1:1
 admin_listen: 127.0.0.1:2
)y",
     {R"y(4:2: this line doesn't fit the map above it: check the indentation and the colon)y"}},
    {"a quote that is never closed", R"y(version: 1
server:
  listen: "127.0.0.1:1
)y",
     {R"y(3:11: a quote that is never closed)y"}},
    {"a brace that is never closed", R"y(version: 1
server: { listen: 127.0.0.1:1
)y",
     {R"y(3:1: `{` without its `}`, or a missing comma)y"}},
    {"a colon in a value", R"y(version: 1
models: a: b
)y",
     {R"y(2:10: a colon where none may stand: quote the value, or check the indentation)y"}},
    {"a tag", R"y(version: !!int 1
providers: { openai: { api_key: none } }
models: { "*": openai/* }
)y",
     {R"y(1:10: YAML tags are not used here: write the plain value)y"}},
    {"an unknown alias", R"y(version: 1
models: *nothing
)y",
     {R"y(2:9: `*` starts a YAML alias: quote a star ("*"), or define the anchor (`&name`) above)y"}},
    {"an alias inside itself", R"y(version: 1
models: &a { b: *a }
)y",
     {R"y(2:17: an alias may not stand inside the value it repeats)y"}},
    {"a key that is a list", R"y(version: 1
[a, b]: c
)y",
     {R"y(1:1: there are no `models`: a client could ask for nothing; the shortest is `"*": PROVIDER/*`)y",
      R"y(2:1: a key must be a word)y"}},
    {"an empty key", R"y(version: 1
"": c
)y",
     {R"y(1:1: there are no `models`: a client could ask for nothing; the shortest is `"*": PROVIDER/*`)y",
      R"y(2:1: a key is empty)y"}},
    {"a merge of nothing", R"y(version: 1
models: { <<: word, a: openai/a }
providers: { openai: { api_key: none } }
)y",
     {R"y(2:15: `<<` takes an alias of a map, or a list of them)y"}},
    {"columns count characters", R"y(version: 1
providers: { openai: { api_key: none } }
models: { "größer": openai/a, "ü": nowhere/a }
)y",
     {R"y(3:36: there is no provider `nowhere`; known: openai)y"}},
    {"all at once", R"y(version: 1
server: { listen: 0.0.0.0:8080, wrokers: 2 }
providers: { openai: { type: openai, api_key: "${MISSING}" } }
models:
  a: openai/a
  b: { targets: opnai/b, timeout: { total: 5 } }
)y",
     {R"y(2:19: `server.listen` is not a loopback address and there are no `keys`: anybody could use the providers; add `keys`, or listen on 127.0.0.1)y",
      R"y(2:33: unknown key `wrokers` in `server`; did you mean `workers`?)y",
      R"y(3:47: environment variable MISSING is not set; give it a value, or a default: ${MISSING:-...})y",
      R"y(6:17: there is no provider `opnai`; did you mean `openai`?)y",
      R"y(6:44: `5` is not a duration: write a number and a unit, like 250ms, 30s or 10m)y"}},
};
// clang-format on

}  // namespace

TEST_CASE("what is wrong with the shape of a file is reported with its place and what is allowed", "[config]") {
    for (Wrong const& row : rows) {
        CAPTURE(row.name, row.yaml);
        CHECK(problems_of(row.yaml) == row.problems);
    }
}

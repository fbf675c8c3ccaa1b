#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

/// Everything that a user, a log or a metric could get to see of a load.
std::string everything_shown(LoadResult const& result) {
    std::string all = result.effective_yaml + result.written_yaml + to_json(result.problems);
    for (Problem const& problem : result.problems)
        all += to_text(problem, Colour::none) + to_text(problem, Colour::ansi) + to_github(problem);
    if (result.settings) all += result.settings->hash;
    return all;
}

Variables const canaries{{"KEY", "canary-variable-1234"}, {"URL", "https://me:canary-url@x.example/v1"}};

LoadResult load_canaries(std::string const& yaml) {
    return load_files({{"sluice.yaml", yaml}, {"key.txt", "canary-file-12345678\n"}, {"bad.txt", "canary file\n"}},
                      canaries);
}

}  // namespace

TEST_CASE("no secret is shown of a good configuration", "[config]") {
    auto const result = load_canaries(R"(version: 1
server: { listen: 0.0.0.0:8080 }
providers:
  a: { type: openai, api_key: canary-literal-1234 }
  b: { type: openai, api_key: "${KEY}", headers: { x-team-token: canary-header } }
  c: { type: openai, api_key: { file: key.txt } }
  d: { type: openai, api_keys: [{ name: one, value: canary-in-list-12 }] }
models: { a: [a/a, b/b, c/c, d/d] }
keys:
  - { name: k, value: canary-virtual-key-1 }
  - { name: h, hash: "sha256:cacacacacacacacacacacacacacacacacacacacacacacacacacacacacacacaca" }
)");
    CHECK(lines_of(result) == std::vector<std::string>{});
    REQUIRE(result.settings);
    CHECK(result.settings->providers.at("b").credentials.at(0).value.expose() == "canary-variable-1234");
    CHECK_THAT(everything_shown(result), !Catch::Contains("canary") && !Catch::Contains("cacaca"));
    CHECK_THAT(result.effective_yaml, Catch::Contains("x-team-token: \"***\"") && Catch::Contains("# env KEY") &&
                                          Catch::Contains("# file key.txt"));
}

TEST_CASE("no secret is shown with a problem beside it", "[config]") {
    auto const yaml = GENERATE(values<std::string>({
        "providers: { a: { type: openai, api_keyy: canary-1 } }",
        "providers: { a: { type: openai, api_key: canary-1, api_key: canary-2 } }",
        "providers: { a: { type: openai, api_key: canary 1 } }",
        "providers: { a: { type: openai, api_key: \"canary\\n1\" } }",
        "providers: { a: { type: openai, api_key: $canary } }",
        "providers: { a: { type: openai, api_key: os.environ/canary } }",
        "providers: { a: { type: opnai, api_key: canary-1 } }",
        "providers:\n  a:\n    type: openai\n    api_key:\n      canary 1\n",
        "providers: { a: { type: openai, api_key: { file: bad.txt } } }",
        "providers: { a: { type: openai, api_key: [canary-1] } }",
        "providers: { a: { type: openai, headers: { x-a: \"canary\\n\", x-b: canary, host: canary } } }",
        "providers: { a: { type: openai, api_keys: [{ nam: x, value: canary-1 }] } }",
        "providers: { a: { type: custom, base_url: \"https://me:canary@x.example\" } }",
        "providers: { a: { type: custom, base_url: \"${URL}\" } }",
        "providers: { a: { type: openai, proxy: \"http://me:canary@x:1\" } }",
        "providers: { a: { type: openai, api_key: none, base_url: \"${KEY}\" } }",
        "server: { listen: \"${KEY}\" }",
        "telemetry: { log: { level: \"${KEY}\" } }",
        "models: { a: \"${KEY}\" }",
        "keys: [{ name: a, value: canary }, { name: a, value: canary }]",
        "keys: [{ name: a, valu: canary-123456789 }]",
        "keys: [{ name: a, hash: canary }]",
        "keys: { a: { value: canary } }",
        "admin: { token: canary }",
        "providers: { a: { type: openai, api_key: canary",
        "providers:\n  a:\n    api_key: \"canary",
        "providers:\n  a:\n    api_key: canary: x",
    }));
    CAPTURE(yaml);
    auto const result = load_canaries("version: 1\n" + yaml + "\n");
    CHECK(has_errors(result.problems));
    CHECK_THAT(everything_shown(result), !Catch::Contains("canary"));
}

TEST_CASE("the hash changes with a secret, and not with how or where a value is written", "[config]") {
    auto const hash = [](std::string const& key, std::string const& rest) {
        return settings_of("version: 1\nproviders: { openai: { api_key: \"" + key +
                           "\" } }\nmodels: { a: openai/a }\n" + rest)
            .hash;
    };
    std::string const base = hash("secret-1", "");
    CHECK(base.size() == 16);
    CHECK(hash("secret-2", "") != base);
    CHECK(hash("secret-1", "server: { drain: { delay: 6s } }\n") != base);
    CHECK(hash("secret-1", "server: { drain: { delay: 5000ms } }  # the default\n") == base);
    CHECK(settings_of("version: 1\nmodels: { a: [openai/a] }\nproviders:\n  openai: { api_key: '${S}' }\n",
                      {{"S", "secret-1"}})
              .hash == base);
}

TEST_CASE("what is shown as effective is a configuration with the same effect", "[config]") {
    std::string const yaml =
        "version: 1\n"
        "providers:\n"
        "  openai: { api_key: none }\n"
        "  vllm: { type: vllm, base_url: 'http://h:1/v1/', ca_file: key.txt, pool: { max_idle: 3 } }\n"
        "models:\n"
        "  '*': openai/*\n"
        "  a: { targets: [openai/x, vllm/y], description: \"yes: no # \\\"q\\\"\", retry: { when: [5xx], backoff: "
        "1s..2s } }\n"
        "prices: { openai/x: { input: 0.0375, output: 10 } }\n"
        "telemetry: { access_log: none, metrics: { max_series: 1500 } }\n";
    auto const first = load_text(yaml);
    REQUIRE(first.settings);
    auto const second = load_text(first.effective_yaml);
    CAPTURE(first.effective_yaml);
    CHECK(lines_of(second) == std::vector<std::string>{});
    REQUIRE(second.settings);
    CHECK(second.settings->hash == first.settings->hash);
    CHECK(second.effective_yaml.substr(0, 11) == "version: 1 ");
}

TEST_CASE("only what somebody wrote is shown without defaults", "[config]") {
    auto const result = load_text(
        "version: 1\n"
        "providers:\n"
        "  openai: { api_keys: [{ value: \"${KEY}\", name: a }] }\n"
        "models: { a: openai/a }\n");
    CHECK(result.written_yaml ==
          "version: 1                                          # sluice.yaml:1\n"
          "providers:\n"
          "  openai:\n"
          "    api_keys:\n"
          "      - name: a                                     # sluice.yaml:3\n"
          "        value: \"***\"                                # env KEY\n"
          "models:\n"
          "  a:\n"
          "    targets: [openai/a]                             # sluice.yaml:4\n");
}

TEST_CASE("every value says where it is from", "[config]") {
    auto result = load({.path = "sluice.yaml",
                        .text = "version: 1\n"
                                "defaults:\n"
                                "  timeout: { idle: 7s }\n"
                                "providers: { openai: {} }\n"
                                "models: { a: openai/a }\n",
                        .environment = environment_of(usual_variables()),
                        .overrides = {{"server.listen", "127.0.0.1:99", "--listen"}}});
    CHECK_THAT(result.effective_yaml,
               Catch::Contains("listen: 127.0.0.1:99                              # --listen\n"));
    CHECK_THAT(result.effective_yaml,
               Catch::Contains("api_key: \"***\"                                  # env OPENAI_API_KEY\n"));
    CHECK_THAT(result.effective_yaml, Catch::Contains("base_url: https://api.openai.com/v1             # catalogue\n"));
    CHECK_THAT(
        result.effective_yaml,
        Catch::Contains("idle: 7s                                      # defaults.timeout.idle, sluice.yaml:3\n"));
    CHECK_THAT(result.effective_yaml, Catch::Contains("workers: 0                                        # default\n"));
}

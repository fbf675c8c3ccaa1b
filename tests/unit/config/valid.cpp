#include <catch2/catch.hpp>

#include "config/text.hpp"
#include "tests/unit/config/loading.hpp"

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

std::string const head = "version: 1\nproviders: { openai: { api_key: none } }\n";

std::string const worked_example = R"(# yaml-language-server: $schema=./sluice.schema.json
version: 1
server:
  listen: 0.0.0.0:8080
  admin_listen: 127.0.0.1:9090
  max_body: 32MiB
  drain: { delay: 5s, timeout: 60s }
  cors: { origins: ["https://chat.acme.example"] }
defaults:
  timeout: { connect: 3s, first_token: 30s, idle: 60s, total: 10m }
  retry:   { attempts: 2, when: [connect, timeout, 429, 5xx], backoff: 250ms..4s, max_extra_load: 10% }
  breaker: { window: 30s, min_requests: 20, failure_ratio: 50%, open_for: 20s }
providers:
  openai:
    type: openai
    api_key: ${OPENAI_API_KEY}
  groq:
    api_key: { file: key.txt }
    headers: { x-cost-center: platform }
  mistral:
    api_keys:
      - { name: org-a, value: "${KEY}-a", weight: 2 }
      - { name: org-b, value: "${KEY}-b" }
  vllm:
    type: openai
    base_url: ${VLLM_URL:-http://vllm.models.svc:8000/v1}
    api_key: none
    max_in_flight: 64
models:
  gpt-4o-mini: openai/gpt-4o-mini
  "mistral/*": mistral/*
  smart:
    description: Best quality; Groq first, OpenAI overflow
    targets: [groq/gpt-5, { to: openai/gpt-5 }]
    fallbacks: [fast]
  fast:
    targets: [vllm/meta-llama/Llama-3.1-8B-Instruct, openai/gpt-4o-mini]
    timeout: { first_token: 5s }
    retry: { when: [5xx] }
keys:
  - name: search-backend
    hash: sha256:0000000000000000000000000000000000000000000000000000000000000000
  - name: ci
    value: ${KEY}
    models: [fast, mistral/mistral-large-latest]
    expires: 2027-01-01
prices:
  vllm/meta-llama/Llama-3.1-8B-Instruct: { input: 0.05, output: 0.08 }
telemetry:
  log: { format: json, level: warning }
  access_log: { output: /var/log/sluice.log }
  metrics: { key_label: none, max_series: 20k }
)";

std::vector<std::string> texts(std::vector<TargetSettings> const& targets) {
    std::vector<std::string> out;
    for (TargetSettings const& target : targets) out.push_back(target.provider + "/" + target.model);
    return out;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("the smallest useful file is three lines", "[config]") {
    auto const settings = settings_of(
        "version: 1\n"
        "providers: { openai: { type: openai, api_key: \"${OPENAI_API_KEY}\" } }\n"
        "models:    { \"*\": openai/* }\n");
    auto const& openai = settings.providers.at("openai");
    CHECK(openai.base_url == "https://api.openai.com/v1");
    CHECK(openai.auth == AuthScheme::bearer);
    REQUIRE(openai.credentials.size() == 1);
    CHECK(openai.credentials[0].value.expose() == "sk-canary-openai-key");
    REQUIRE(settings.models.size() == 1);
    CHECK(settings.models[0].targets == std::vector<TargetSettings>{{"openai", "*"}});
    CHECK(settings.server.listen == "127.0.0.1:8080");
    CHECK(settings.server.admin_listen == "127.0.0.1:9090");
}

TEST_CASE("the worked example arrives in the settings", "[config]") {
    auto const settings = settings_of(worked_example);
    CHECK(settings.server.limits.body_bytes == 32 * 1024 * 1024);
    CHECK(settings.server.drain_timeout == seconds(60));
    CHECK(settings.server.cors_origins == Words{"https://chat.acme.example"});
    CHECK(settings.telemetry.log_format == LogFormat::json);
    CHECK(settings.telemetry.log_level == LogLevel::warning);
    CHECK(settings.telemetry.access_log == "/var/log/sluice.log");
    CHECK_FALSE(settings.telemetry.key_labels);

    auto const& groq = settings.providers.at("groq");
    CHECK(groq.type == "groq");
    CHECK(groq.credentials.at(0).value.expose() == "sk-file-canary-12345");
    CHECK(groq.headers.at("x-cost-center") == "platform");
    CHECK(groq.timeout.connect == seconds(3));
    CHECK(groq.timeout.tls == seconds(3));
    CHECK(settings.providers.at("mistral").credentials.size() == 2);
    CHECK(settings.providers.at("mistral").credentials[0].weight == 2);
    auto const& vllm = settings.providers.at("vllm");
    CHECK(vllm.base_url == "http://vllm.models.svc:8000/v1");
    CHECK(vllm.auth == AuthScheme::none);
    CHECK(vllm.credentials.empty());
    CHECK(vllm.max_in_flight == 64);

    REQUIRE(settings.models.size() == 4);
    CHECK(settings.models[0].name == "gpt-4o-mini");
    CHECK(texts(settings.models[2].targets) ==
          Words{"groq/gpt-5", "openai/gpt-5", "vllm/meta-llama/Llama-3.1-8B-Instruct", "openai/gpt-4o-mini"});
    auto const& fast = settings.models[3];
    CHECK(fast.timeout.first_token == seconds(5));
    CHECK(fast.timeout.idle == seconds(60));
    CHECK(fast.retry.on_server_error);
    CHECK_FALSE(fast.retry.on_timeout);
    CHECK(fast.retry.backoff_max == seconds(4));
    CHECK(fast.breaker.window == seconds(30));

    REQUIRE(settings.keys.size() == 2);
    CHECK(settings.keys[0].sha256_hex == std::string(64, '0'));
    CHECK(settings.keys[1].sha256_hex == sha256_hex("sk-canary-1234567890"));
    CHECK(settings.keys[1].caller.models == Words{"fast", "mistral/mistral-large-latest"});
    CHECK(settings.keys[1].expires == std::chrono::sys_days(std::chrono::year(2027) / 1 / 1));
    auto const& price = settings.prices.at("vllm/meta-llama/Llama-3.1-8B-Instruct");
    CHECK(price.input.value.count == 50'000'000);
    CHECK(price.output.value.count == 80'000'000);
}

TEST_CASE("a target that names another model stands for that model's targets", "[config]") {
    auto const settings = settings_of(head + R"(models:
  a: [openai/1, b]
  b: { targets: [openai/2, c], fallbacks: openai/4 }
  c: openai/3
  d: { targets: b, fallbacks: [a, openai/5] }
  openai/2: [openai/2, openai/6]
)");
    CHECK(texts(settings.models[0].targets) == Words{"openai/1", "openai/2", "openai/6", "openai/3", "openai/4"});
    CHECK(texts(settings.models[3].targets) ==
          Words{"openai/2", "openai/6", "openai/3", "openai/4", "openai/1", "openai/5"});
    CHECK(texts(settings.models[4].targets) == Words{"openai/2", "openai/6"});
}

TEST_CASE("a wildcard model lists what the catalogue knows of it", "[config]") {
    auto const settings = settings_of(
        "version: 1\nproviders: { groq: { api_key: none }, mine: { type: custom, base_url: http://x, api_key: none } "
        "}\n"
        "models: { \"groq/*\": groq/*, \"*\": groq/llama-*, \"mine/*\": mine/*, \"my-*\": groq/llama-3.1-8b-instant "
        "}\n");
    CHECK_THAT(settings.models[0].listed, Catch::VectorContains(std::string("groq/llama-3.1-8b-instant")));
    CHECK_THAT(settings.models[1].listed, Catch::VectorContains(std::string("3.1-8b-instant")));
    CHECK(settings.models[2].listed.empty());
    CHECK(settings.models[3].listed.empty());
    auto const embeddings = settings_of(head + "models: { \"*\": openai/* }\n");
    CHECK_THAT(embeddings.models[0].listed, !Catch::VectorContains(std::string("text-embedding-3-small")));
}

TEST_CASE("prices come from the catalogue for every provider of its type, and the file's stand above them",
          "[config]") {
    auto const settings = settings_of(
        "version: 1\n"
        "providers: { work: { type: openai, api_key: none }, home: { type: openai, api_key: none } }\n"
        "models: { a: [work/gpt-4o, home/gpt-4o] }\n"
        "prices: { home/gpt-4o: { input: 1, output: 2, cached_input: 0.5 } }\n");
    CHECK(settings.prices.at("work/gpt-4o").input.value.count == 2'500'000'000);
    CHECK(settings.prices.at("home/gpt-4o").input.value.count == 1'000'000'000);
    CHECK(settings.prices.at("home/gpt-4o").cached_input->value.count == 500'000'000);
    CHECK_FALSE(settings.prices.at("home/gpt-4o").cache_write);
    CHECK(settings.prices.at("work/gpt-5.4-nano").input.value.count == 200'000'000);
}

TEST_CASE("units are read and ranges kept", "[config]") {
    auto const [text, expected] = GENERATE(table<char const*, int>({{"0", 0},
                                                                    {"0s", 0},
                                                                    {"250ms", 250},
                                                                    {"1.5s", 1500},
                                                                    {"30s", 30'000},
                                                                    {"\"30 s\"", 30'000},
                                                                    {"10m", 600'000},
                                                                    {"0.5h", 1'800'000}}));
    CAPTURE(text);
    auto const settings = settings_of(head + "models: { a: { targets: openai/a, timeout: { idle: " + text + " } } }\n");
    CHECK(settings.models[0].timeout.idle == milliseconds(expected));
}

TEST_CASE("sizes and counts are read with their units", "[config]") {
    auto const [text, expected] = GENERATE(table<char const*, std::uint64_t>({{"64KiB", 65'536},
                                                                              {"32MiB", 33'554'432},
                                                                              {"1GiB", 1'073'741'824},
                                                                              {"5MB", 5'000'000},
                                                                              {"1.5MiB", 1'572'864},
                                                                              {"2048B", 2048}}));
    CAPTURE(text);
    CHECK(
        settings_of(head + "models: { a: openai/a }\nserver: { max_body: " + text + " }\n").server.limits.body_bytes ==
        expected);
    CHECK(settings_of(head + "models: { a: openai/a }\ntelemetry: { metrics: { max_series: 1.5k } }\n")
              .telemetry.max_series == 1500);
}

TEST_CASE("a pasted base URL is put right", "[config]") {
    auto const [text, expected] = GENERATE(table<char const*, char const*>({
        {"https://llm.example/v1", "https://llm.example/v1"},
        {"https://llm.example/v1/", "https://llm.example/v1"},
        {"https://llm.example/v1/chat/completions", "https://llm.example/v1"},
        {"https://llm.example/v1/chat/completions/", "https://llm.example/v1"},
        {"https://llm.example/v1/chat/completions//chat/completions", "https://llm.example/v1"},
        {"https://llm.example", "https://llm.example"},
        {"https://llm.example/", "https://llm.example"},
        {"http://[::1]:11434/v1", "http://[::1]:11434/v1"},
        {"http://chat/completions", "http://chat/completions"},
    }));
    CAPTURE(text);
    auto const settings =
        settings_of(std::string("version: 1\nproviders: { a: { type: custom, api_key: none, base_url: \"") + text +
                    "\" } }\nmodels: { a: a/a }\n");
    CHECK(settings.providers.at("a").base_url == expected);
}

TEST_CASE("a key from the environment goes only to the address it was made for", "[config]") {
    Variables const variables{{"GROQ_API_KEY", "sk-groq"}, {"GEMINI_API_KEY", ""}, {"GOOGLE_API_KEY", "sk-google"}};
    auto const settings = settings_of(
        "version: 1\nproviders: { groq: {}, mine: { type: groq }, gemini: , ollama: {} }\nmodels: { a: [groq/a, "
        "mine/a, gemini/a, ollama/a] }\n",
        variables);
    CHECK(settings.providers.at("groq").credentials.at(0).value.expose() == "sk-groq");
    CHECK(settings.providers.at("mine").credentials.at(0).value.expose() == "sk-groq");
    CHECK(settings.providers.at("gemini").credentials.at(0).value.expose() == "sk-google");
    CHECK(settings.providers.at("ollama").auth == AuthScheme::none);
    auto const elsewhere = load_text(
        "version: 1\nproviders: { groq: { base_url: \"https://elsewhere.example\" } }\nmodels: { a: groq/a }\n",
        variables);
    CHECK_FALSE(elsewhere.settings);
}

TEST_CASE("a loopback address needs no keys", "[config]") {
    auto const address = GENERATE("127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1", "127.0.0.1:0");
    CAPTURE(address);
    CHECK(settings_of(head + "models: { a: openai/a }\nserver: { listen: \"" + address + "\" }\n").keys.empty());
}

TEST_CASE("an address that only looks like loopback needs keys", "[config]") {
    auto const address =
        GENERATE("128.0.0.1:1", "127.0.0.1.example:1", "localhost.example:1", "[::]:1", "[::ffff:10.0.0.1]:1");
    CAPTURE(address);
    CHECK_FALSE(load_text(head + "models: { a: openai/a }\nserver: { listen: \"" + address + "\" }\n").settings);
}

TEST_CASE("a flag stands above the file, and is checked like it", "[config]") {
    LoadOptions options{.path = "sluice.yaml",
                        .text = head + "models: { a: openai/a }\nserver: { listen: 127.0.0.1:1 }\n"};
    options.overrides = {{"server.listen", "127.0.0.1:2", "--listen"}};
    REQUIRE(load(options).settings);
    CHECK(load(options).settings->server.listen == "127.0.0.1:2");
    options.overrides = {{"server.listen", "0.0.0.0:2", "--listen"}};
    auto const refused = load(options);
    CHECK_FALSE(refused.settings);
    CHECK(to_text(refused.problems.at(0), Colour::none)
              .starts_with("--listen: error: `server.listen` is not a loopback address"));
}

TEST_CASE("a price may have tiers for long prompts", "[config]") {
    auto const settings = settings_of(head +
                                      "models: { a: openai/x }\n"
                                      "prices:\n"
                                      "  openai/x:\n"
                                      "    input: 5\n"
                                      "    output: 30\n"
                                      "    tiers:\n"
                                      "      - { above: 272k, input: 10, output: 45, cached_input: 1 }\n");
    auto const& sheet = settings.prices.at("openai/x");
    REQUIRE(sheet.tiers.size() == 1);
    CHECK(sheet.tiers[0] == PriceTier{.above = 272'000,
                                      .input = {NanoUsd{10'000'000'000}},
                                      .output = {NanoUsd{45'000'000'000}},
                                      .cached_input = PricePerMillion{NanoUsd{1'000'000'000}}});
}

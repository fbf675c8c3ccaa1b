#include "config/zero_config.hpp"

#include <catch2/catch.hpp>

#include "config/catalogue.hpp"
#include "tests/unit/config/loading.hpp"

using namespace sluice;
using namespace sluice::config;
using namespace sluice::config::testing;

TEST_CASE("the variables that SDKs use make a configuration", "[config]") {
    Variables const variables{{"GROQ_API_KEY", "gsk-canary"}, {"OPENAI_API_KEY", "sk-canary"}, {"MISTRAL_API_KEY", ""}};
    auto const yaml = zero_config_yaml(environment_of(variables));
    REQUIRE(yaml);
    CHECK(*yaml ==
          "version: 1\n"
          "providers:\n"
          "  openai:\n"
          "    api_key: ${OPENAI_API_KEY}\n"
          "  groq:\n"
          "    api_key: ${GROQ_API_KEY}\n"
          "models:\n"
          "  openai/*: openai/*\n"
          "  groq/*: groq/*\n"
          "  \"*\": openai/*\n");
    auto const settings = settings_of(*yaml, variables);
    CHECK(settings.providers.at("groq").credentials.at(0).value.expose() == "gsk-canary");
    CHECK(settings.models.back().targets.at(0).provider == "openai");
}

TEST_CASE("OPENAI_BASE_URL moves the provider and nothing else", "[config]") {
    Variables const variables{{"OPENAI_API_KEY", "sk-canary"}, {"OPENAI_BASE_URL", "https://llm.example/v1/"}};
    auto const yaml = zero_config_yaml(environment_of(variables));
    REQUIRE(yaml);
    CHECK(settings_of(*yaml, variables).providers.at("openai").base_url == "https://llm.example/v1");
}

TEST_CASE("a gateway that would call itself is refused", "[config]") {
    Variables const variables{{"OPENAI_API_KEY", "sk-canary"}, {"OPENAI_BASE_URL", "http://localhost:8080/v1"}};
    auto const result = load_text(zero_config_yaml(environment_of(variables)).value_or(""), variables);
    CHECK(lines_of(result) ==
          std::vector<std::string>{
              "5:15: `base_url` of `providers.openai` is this gateway's own address (`server.listen`)"});
}

TEST_CASE("without a provider's variable there is nothing to configure", "[config]") {
    CHECK_FALSE(
        zero_config_yaml(environment_of({{"HOME", "/"}, {"OPENAI_BASE_URL", "https://x"}, {"OPENAI_API_KEY", ""}})));
    CHECK_FALSE(zero_config_yaml(Environment{}));
}

TEST_CASE("every provider of the catalogue can be configured by its variables alone", "[config]") {
    for (Profile const& profile : profiles()) {
        for (std::string const& variable : profile.key_variables) {
            CAPTURE(profile.name, variable);
            if (!profile.status.empty()) continue;
            Variables variables{{variable, "canary-key"}};
            for (auto const& needed : profile.variables) {
                if (!needed.standard) variables[needed.env] = "acme";
            }
            auto const yaml = zero_config_yaml(environment_of(variables));
            REQUIRE(yaml);
            auto const settings = settings_of(*yaml, variables);
            CHECK(settings.providers.contains(profile.name));
            CHECK(settings.models.size() == 2);
        }
    }
}

TEST_CASE("the demo and the starter file load", "[config]") {
    auto const demo = settings_of(demo_yaml(18080), {});
    CHECK(demo.providers.at("lab").base_url == "http://127.0.0.1:18080/v1");
    CHECK(demo.providers.at("lab").auth == AuthScheme::none);
    CHECK(demo.models.size() == 3);
    CHECK(settings_of(starter_yaml()).models.size() == 2);
}

TEST_CASE("the shipped files hold no mistake", "[config]") {
    CHECK(catalogue_problems() == std::vector<std::string>{});
    CHECK(profiles().size() == 41);
    CHECK(profiles().front().name == "openai");
    CHECK(catalogue_models().size() > 150);
    for (Profile const& profile : profiles()) {
        CAPTURE(profile.name);
        CHECK(profile.settings.dialect == "openai");
        CHECK((profile.settings.base_url.starts_with("https://") || !profile.needs_key));
    }
}

#include <catch2/catch.hpp>

#include "config/catalogue.hpp"

using namespace sluice;

TEST_CASE("a provider of the catalogue brings OpenTelemetry's name for it, where there is one", "[config]") {
    auto const [type, name] = GENERATE(table<char const*, char const*>({
        {"groq", "groq"},
        {"xai", "x_ai"},
        {"mistral", "mistral_ai"},
        {"gemini", "gcp.gemini"},
        {"openai", ""},
        {"vllm", ""},
    }));
    CAPTURE(type);
    auto const* const profile = config::find_profile(type);
    REQUIRE(profile);
    ProviderSettings provider;
    config::apply(*profile, provider);
    CHECK(provider.telemetry_name == name);
}

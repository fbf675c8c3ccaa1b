#include "server/observe/observe_settings.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

TEST_CASE("a provider is called by its telemetry name, else by its dialect, else as configured", "[observe]") {
    Settings settings;
    settings.providers["fast"].dialect = "openai";
    settings.providers["fast"].telemetry_name = "groq";
    settings.providers["own"].dialect = "openai";
    auto const observed = observe::observe_settings(settings);
    CHECK(observed.flavour_of("fast") == "groq");
    CHECK(observed.flavour_of("own") == "openai");
    CHECK(observed.flavour_of("gone") == "gone");
}

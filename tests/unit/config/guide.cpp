#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

std::vector<std::string> examples_of(std::string const& page) {
    std::ifstream in(std::string(SLUICE_SOURCE_DIR) + "/" + page);
    std::vector<std::string> found;
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
        bool const is_fence = line.starts_with("```");
        if (line == "```yaml") found.emplace_back();
        if (is_fence) inside = line == "```yaml";
        if (inside && !is_fence) found.back() += line + "\n";
    }
    return found;
}

/// Every variable is set, each to something else.
Environment all_variables() {
    return [](std::string_view name) { return std::optional("a-long-enough-" + std::string(name)); };
}

}  // namespace

TEST_CASE("every example of the guide to routing is a good configuration", "[config]") {
    auto const examples = examples_of("docs/guides/routing.md");
    REQUIRE(examples.size() > 15);
    std::string const& providers = examples.front();
    for (std::size_t i = 1; i < examples.size(); ++i) {
        std::string const head = examples[i].contains("providers:") ? "" : providers;
        std::string const yaml = "version: 1\n" + head + examples[i];
        CAPTURE(yaml);
        auto result = load({.path = "sluice.yaml", .text = yaml, .environment = all_variables()});
        std::erase_if(result.problems,
                      [](Problem const& problem) { return problem.message.starts_with("no model uses provider"); });
        CHECK(lines_of(result) == std::vector<std::string>{});
        CHECK(result.settings);
    }
}

TEST_CASE("every example of the guide to keys and limits is a good configuration", "[config]") {
    auto const examples = examples_of("docs/guides/keys-and-limits.md");
    REQUIRE(examples.size() == 3);
    for (auto const& example : examples) {
        std::string const yaml =
            "version: 1\nproviders: { openai: { api_key: none } }\nmodels: { fast: openai/a, smart: openai/b, "
            "\"gpt-*\": "
            "openai/gpt-* }\n" +
            example;
        CAPTURE(yaml);
        auto const environment = [](std::string_view name) {
            if (name == "DATABASE_URL" || name == "REDIS_URL") return std::optional<std::string>();
            return std::optional(name == "SLUICE_DATA_DIR" ? "/data" : "a-long-enough-" + std::string(name));
        };
        auto const result = load({.path = "sluice.yaml", .text = yaml, .environment = environment});
        CHECK(lines_of(result) == std::vector<std::string>{});
        CHECK(result.settings);
    }
}

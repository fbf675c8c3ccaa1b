#include "server/lab/scenarios.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "server/lab/scenario_file.hpp"

using namespace sluice::lab;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

Selection ask(std::string_view model, std::string_view body = {}, std::string_view header = {}) {
    return Selection{model, {}, body, header};
}

}  // namespace

TEST_CASE("every built-in scenario is valid", "[lab][scenario]") {
    auto scenarios = Scenarios::load("");
    if (!scenarios) FAIL(scenarios.error());
    CHECK((*scenarios)->names().size() > 60);
}

TEST_CASE("the body's options win over the scenario and the header's over both", "[lab][scenario]") {
    auto scenarios = Scenarios::load("").value();
    CHECK(scenarios->resolve(ask("error-500")).value()->status == 500);
    CHECK(scenarios->resolve(ask("error-500", R"({"status":501})")).value()->status == 501);
    CHECK(scenarios->resolve(ask("error-500", R"({"status":501})", R"({"status":502})")).value()->status == 502);
}

TEST_CASE("a hint may name the scenario, whatever the model", "[lab][scenario]") {
    auto scenarios = Scenarios::load("").value();
    CHECK(scenarios->resolve(ask("gpt-x", R"({"scenario":"error-503"})")).value()->status == 503);
    CHECK(scenarios->resolve(ask("gpt-x", R"({"tokens":2})")).value()->tokens == 2);
    CHECK(scenarios->resolve(ask("gpt-x")).error().status == 404);
    CHECK(scenarios->resolve(ask("demo", R"({"scenario":"nowhere"})")).error().status == 404);
    CHECK(scenarios->resolve(ask("demo", R"({"nonsense":1})")).error().status == 400);
    CHECK(scenarios->resolve(ask("demo", "", "status=500")).error().status == 400);
}

TEST_CASE("a path may name the scenario", "[lab][scenario]") {
    auto scenarios = Scenarios::load("").value();
    CHECK(scenarios->resolve(Selection{"anything", "error-429", {}, {}}).value()->status == 429);
}

TEST_CASE("an outage lies over every model, or over those it names, until it ends", "[lab][scenario]") {
    auto scenarios = Scenarios::load("").value();
    auto before = scenarios->version();
    REQUIRE(scenarios->set_outage(json::parse(R"({"scenario":"error-503","models":["echo"]})")));
    CHECK(scenarios->version() != before);
    CHECK(scenarios->resolve(ask("echo")).value()->status == 503);
    CHECK(scenarios->resolve(ask("demo")).value()->status == 200);
    REQUIRE(scenarios->set_outage(json::parse(R"({"options":{"status":500}})")));
    CHECK(scenarios->resolve(ask("demo")).value()->status == 500);
    REQUIRE(scenarios->set_outage(json::object()));
    CHECK(scenarios->resolve(ask("demo")).value()->status == 200);
}

TEST_CASE("a wrong outage changes nothing and says why", "[lab][scenario]") {
    auto scenarios = Scenarios::load("").value();
    auto text = GENERATE(R"({"scenario":"nowhere"})", R"({"options":{"nonsense":1}})", R"({"model":"x"})", R"([1])",
                         R"({"models":"x"})");
    CAPTURE(text);
    CHECK_FALSE(scenarios->set_outage(json::parse(text)).has_value());
    CHECK(scenarios->resolve(ask("demo")).value()->status == 200);
}

TEST_CASE("YAML scalars keep their types", "[lab][scenario]") {
    auto document =
        parse_scenarios(R"(scenarios: {a: {tokens: 3, done: false, text: "7", ttft: 200ms, fail_ratio: 0.5}})").value();
    CHECK(document["scenarios"]["a"] ==
          json::parse(R"({"tokens":3,"done":false,"text":"7","ttft":"200ms","fail_ratio":0.5})"));
}

TEST_CASE("a scenario file with a mistake is refused", "[lab][scenario]") {
    auto text = GENERATE("scenario: {}", "scenarios: []", "scenarios: {a: [", "- a");
    CAPTURE(text);
    CHECK_FALSE(parse_scenarios(text).has_value());
}

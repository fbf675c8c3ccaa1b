#include "server/cli/migrate/compare.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/migrate/switch.hpp"

using namespace sluice;
using namespace sluice::cli;
using namespace sluice::cli::testing;
using Lines = std::vector<std::string>;

namespace {

std::string const plain = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
std::string const with_tools =
    R"({"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}}]})";

}  // namespace

TEST_CASE("a switch between equals is safe", "[migrate]") {
    Switch const both;
    CHECK(serious(both.findings()).empty());
    CHECK(worst(both.findings()) == Level::note);
}

TEST_CASE("a key that is not set is a warning, which leaves the switch safe", "[migrate]") {
    Switch const both;
    config::Environment const nothing = [](std::string_view) { return std::optional<std::string>(); };
    auto const findings = compare({.from = both.from, .to = both.to, .environment = nothing});
    CHECK(serious(findings) == Lines{"warning: NEW_KEY is not set: new needs its key"});
    CHECK(worst(findings) == Level::warning);
}

TEST_CASE("two providers that read one variable need a key each", "[migrate]") {
    Switch both;
    both.new_profile.key_variables = {"OLD_KEY"};
    CHECK(serious(both.findings()) == Lines{"warning: a key of old does not work at new, though both are read from the "
                                            "same variable: give each its own `api_key`"});
}

TEST_CASE("another region is a change", "[migrate]") {
    Switch both;
    both.old_profile.regions = {"eu"};
    both.new_profile.regions = {"eu", "us"};
    CHECK(serious(both.findings()) == Lines{"changes: computes in: eu -> eu, us"});
}

TEST_CASE("a lost capability is unsafe until traffic says that nobody uses it", "[migrate]") {
    Switch both;
    both.from.known.facts.tools = true;
    both.to.known.facts.tools = false;
    CHECK(serious(both.findings()) == Lines{"unsafe: tools: yes -> no"});
    Traffic traffic(both.from, both.to);
    traffic.add(plain);
    CHECK(serious(both.findings(&traffic)).empty());
    traffic.add(with_tools);
    CHECK(serious(both.findings(&traffic)) == Lines{"unsafe: tools: yes -> no (1 requests)"});
}

TEST_CASE("a capability that nobody vouches for is to be tried out, if it is used", "[migrate]") {
    Switch both;
    both.from.known.facts.tools = true;
    CHECK(serious(both.findings()).empty());
    Traffic traffic(both.from, both.to);
    traffic.add(with_tools);
    CHECK(serious(both.findings(&traffic)) == Lines{"warning: tools: yes -> unknown (1 requests)"});
}

TEST_CASE("a shorter context is a change until a request is beyond it", "[migrate]") {
    Switch both;
    both.from.known.facts.context = 1000;
    both.to.known.facts.context = 100;
    CHECK(serious(both.findings()) == Lines{"changes: context: 1000 -> 100 tokens"});
    Traffic traffic(both.from, both.to);
    traffic.add(plain);
    CHECK(serious(both.findings(&traffic)).empty());
    traffic.add(R"({"request":)" + plain + R"(,"usage":{"prompt_tokens":101}})");
    CHECK(serious(both.findings(&traffic)) == Lines{"unsafe: context: 1000 -> 100 tokens (1 requests are beyond)"});
}

TEST_CASE("with traffic, only what requests meet counts", "[migrate]") {
    Switch both("[]", "[{ field: n, when: { n: \"> 1\" }, do: reject }, { field: seed, do: drop }]");
    CHECK(worst(both.findings()) == Level::unsafe);
    Traffic traffic(both.from, both.to);
    traffic.add(plain);
    CHECK(worst(both.findings(&traffic)) == Level::note);
    traffic.add(R"({"model":"m","messages":[{"role":"user","content":"hi"}],"seed":1})");
    CHECK(serious(both.findings(&traffic)) == Lines{"changes: seed dropped: 1 requests"});
}

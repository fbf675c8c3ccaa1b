#include "server/cli/migrate/rules.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/migrate/switch.hpp"

using namespace sluice;
using namespace sluice::cli;
using namespace sluice::cli::testing;
using Lines = std::vector<std::string>;

namespace {

Lines compared(std::string const& old_rules, std::string const& new_rules) {
    Switch const both(old_rules, new_rules);
    Lines out;
    for (Finding const& each : compare_rules(both.from, both.to))
        out.push_back(std::string(to_string(each.level)) + ": " + each.text);
    return out;
}

}  // namespace

TEST_CASE("a rule of the target is a finding: temperature first, a refusal is unsafe", "[migrate]") {
    CHECK(compared("[]",
                   "[{ field: seed, do: drop }, { field: n, when: { n: \"> 1\" }, do: reject },"
                   " { field: temperature, do: clamp, least: 0, most: 1.5 }]") ==
          Lines{"changes: temperature: clamped to 0..1.5", "changes: seed: dropped", "unsafe: n when n > 1: refused"});
}

TEST_CASE("what the source does as well is no finding, whatever it says about why", "[migrate]") {
    CHECK(compared("[{ field: n, when: { n: \"> 1\" }, do: reject, why: one }]",
                   "[{ field: n, when: { n: \"> 1\" }, do: reject, why: other }]")
              .empty());
    CHECK(compared("[{ field: seed, do: drop }]", "[{ field: seed, do: reject }]").empty());
    CHECK(
        compared("[{ field: n, when: { n: \"> 2\" }, do: reject }]", "[{ field: n, when: { n: \"> 1\" }, do: reject }]")
            .size() == 1);
}

TEST_CASE("a rule about other models is no finding", "[migrate]") {
    CHECK(compared("[]", "[{ field: seed, models: [other*], do: drop }]").empty());
    CHECK(compared("[{ field: seed, models: [other*], do: drop }]", "[{ field: seed, do: drop }]").size() == 1);
}

TEST_CASE("a rule that loses nothing is no change", "[migrate]") {
    CHECK(compared("[]", "[{ field: max_tokens, do: rename, to: max_completion_tokens }]") ==
          Lines{"same: max_tokens: renamed to max_completion_tokens"});
}

TEST_CASE("what was left out so far and goes out now is a note", "[migrate]") {
    CHECK(compared("[{ field: seed, do: drop }, { field: user, do: drop }]", "[{ field: user, do: drop }]") ==
          Lines{"note: left out for old so far, and not for new: seed"});
}

TEST_CASE("every action and condition is told in words", "[migrate]") {
    auto const text = [](std::string const& rule) {
        auto const made = rules_of("[" + rule + "]");
        auto const conditions = conditions_of(made.at(0));
        return (conditions.empty() ? "" : conditions + ": ") + effect_of(made.at(0));
    };
    CHECK(text("{ field: stop, do: clamp, most_items: 4 }") == "cut to 4 items");
    CHECK(text("{ field: max_tokens, do: clamp, least: 16 }") == "raised to at least 16");
    CHECK(text("{ field: n, do: force, value: 1 }") == "replaced by 1");
    CHECK(text("{ field: a, do: default, value: x }") == "added as \"x\" where it is absent");
    CHECK(text("{ field: reasoning_effort, do: convert, nearest: [low, high] }") ==
          "converted to the nearest of low, high");
    CHECK(text("{ field: a, do: convert, map: { none: true, \"*\": ~ }, to: b }") ==
          "converted: \"none\" -> true, other -> dropped, as b");
    CHECK(
        text("{ field: a, when: { tools: present, b: [x, 1] }, unless: { c: empty }, do: drop }").starts_with("when "));
}

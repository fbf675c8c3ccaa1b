#include "tests/unit/parameters/rewriting.hpp"

using namespace sluice;
using namespace sluice::parameters;

namespace {

std::string problem_of(std::string const& yaml) {
    std::vector<config::Problem> problems;
    auto const node = config::parse_yaml(yaml, "rules", problems);
    REQUIRE(node);
    CHECK(config::read_rules(*node, {{"known", {}}}, problems).empty());
    REQUIRE_FALSE(problems.empty());
    return problems.front().message;
}

}  // namespace

TEST_CASE("a rule that says too little or too much is refused, with what would be right", "[parameters]") {
    auto const [rule, message] = GENERATE(table<char const*, char const*>({
        {"[{ do: drop }]", "needs a `field`"},
        {"[{ field: a }]", "needs a `do`"},
        {"[{ field: a, do: dorp }]", "did you mean `drop`?"},
        {"[{ field: a, do: clamp }]", "`do: clamp` needs `least`, `most` or `most_items`"},
        {"[{ field: a, do: rename }]", "`do: rename` needs `to`"},
        {"[{ field: a, do: force }]", "`do: force` needs `value`"},
        {"[{ field: a, do: convert }]", "needs one of `map`, `nearest` and `as`"},
        {"[{ field: a, do: convert, map: { a: b }, nearest: [low] }]", "needs one of"},
        {"[{ field: \"a[0]\", do: drop }]", "is no path"},
        {"[{ field: a, do: drop, when: { \"b[].c\": present } }]", "is no path"},
        {"[{ field: a, do: drop, when: { b: sometimes } }]", "is no condition"},
        {"[{ field: a, do: drop, modles: [x] }]", "did you mean `models`?"},
        {"[{ use: unknown }]", "there is no set of rules `unknown`"},
        {"[{ use: known, do: drop }]", "`use` stands alone"},
        {"[drop]", "a rule is a map"},
        {"{ field: a }", "are a list"},
    }));
    CAPTURE(rule);
    CHECK_THAT(problem_of(rule), Catch::Contains(message));
}

TEST_CASE("a set of rules stands where `use` names it", "[parameters]") {
    auto const set = rules_of("[{ field: a, do: drop }, { field: b, do: drop }]");
    auto const rules = rules_of("[{ field: x, do: drop }, { use: both }, { field: y, do: drop }]", {{"both", set}});
    REQUIRE(rules.size() == 4);
    CHECK(rules[1].field == "a");
    CHECK(rules[3].field == "y");
}

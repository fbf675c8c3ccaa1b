#include "core/policy/match.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

using namespace std::chrono;

sys_seconds const friday_noon = sys_days{year{2026} / November / 27} + hours(12);

struct Asked {
    RequestFacts facts{.stream = true, .input_tokens = 1'000, .complexity = 40};
    Caller caller{.name = "ci-nightly", .team = "search", .tags = {{"env", "prod-eu"}}};
    std::function<std::string_view(std::string_view)> header = [](std::string_view name) {
        return name == "x-app" ? std::string_view("chat/2") : std::string_view();
    };
    sys_seconds time = friday_noon;
    unsigned lot = 30;

    bool fits(MatchRule const& rule) const {
        return first_match({&rule, 1},
                           {.facts = facts, .caller = caller, .header = header, .time = time, .lot = lot}) == &rule;
    }
};

}  // namespace

TEST_CASE("what a rule asks for must all hold, of a list one suffices", "[match]") {
    struct Row {
        MatchRule fits;
        MatchRule fits_not;
    };
    Capabilities tools;
    tools.add(Capability::tools);
    auto row = GENERATE_COPY(values<Row>({
        {{}, {.needs = tools}},
        {{.callers = {"x", "ci-*"}}, {.callers = {"x"}}},
        {{.teams = {"search"}}, {.teams = {"sales"}}},
        {{.tags = {{"env", "prod-*"}}}, {.tags = {{"env", "prod-*"}, {"zone", "*"}}}},
        {{.headers = {{"x-app", "chat/*"}}}, {.headers = {{"x-other", "*"}}}},
        {{.input_tokens_above = 999}, {.input_tokens_above = 1'000}},
        {{.input_tokens_up_to = 1'000}, {.input_tokens_up_to = 999}},
        {{.complexity_above = 39}, {.complexity_above = 40}},
        {{.stream = true}, {.stream = false}},
        {{.hours = DayHours{720, 721}}, {.hours = DayHours{721, 800}}},
        {{.hours = DayHours{719, 10}}, {.hours = DayHours{1'320, 360}}},
        {{.weekdays = {1, 5}}, {.weekdays = {6}}},
        {{.percent = 31}, {.percent = 30}},
    }));
    Asked const asked;
    CHECK(asked.fits(row.fits));
    CHECK_FALSE(asked.fits(row.fits_not));
}

TEST_CASE("hours may span midnight", "[match]") {
    MatchRule const night{.hours = DayHours{22 * 60, 6 * 60}};
    auto [hour, within] = GENERATE(table<int, bool>({{21, false}, {22, true}, {0, true}, {5, true}, {6, false}}));
    CAPTURE(hour);
    Asked asked;
    asked.time = friday_noon - hours(12) + hours(hour);
    CHECK(asked.fits(night) == within);
}

TEST_CASE("a rule about headers fits no request without any", "[match]") {
    Asked asked;
    asked.header = nullptr;
    CHECK_FALSE(asked.fits({.headers = {{"x-app", "*"}}}));
}

TEST_CASE("the first rule that fits is used", "[match]") {
    std::vector<MatchRule> const rules{{.teams = {"sales"}, .use = 1}, {.use = 2}, {.use = 3}};
    Asked const asked;
    auto const* found = first_match(rules, {asked.facts, asked.caller, asked.header, asked.time, asked.lot});
    REQUIRE(found != nullptr);
    CHECK(found->use == 2);
}

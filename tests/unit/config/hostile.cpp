#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

using Lines = std::vector<std::string>;

std::string repeated(std::string const& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
}

}  // namespace

TEST_CASE("aliases that multiply are stopped", "[config]") {
    std::string yaml = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
    for (char name = 'b'; name < 'k'; ++name) {
        std::string const before(1, static_cast<char>(name - 1));
        yaml += std::string(1, name) + ": &" + name + " [" + repeated("*" + before + ", ", 9) + "*" + before + "]\n";
    }
    CHECK(problems_of(yaml) == Lines{"5:36: too many values, aliases counted as often as they stand"});
}

TEST_CASE("what is nested deeply is refused, not followed", "[config]") {
    auto const yaml =
        GENERATE("a: " + repeated("[", 5000), repeated("- ", 5000), repeated("{a: ", 5000), repeated("? ", 5000));
    CHECK_THAT(problems_of(yaml).back(), Catch::EndsWith(": nested too deeply"));
}

TEST_CASE("a file that is too large or is no text is refused", "[config]") {
    CHECK(problems_of("#" + std::string(1024 * 1024, 'x')) == Lines{"0:0: larger than 1024 KiB"});
    CHECK(problems_of("version: 1\na: \xff\n") == Lines{"2:4: not UTF-8 text"});
    CHECK(problems_of(std::string("version: 1\nü: \0", 16)) == Lines{"2:4: not UTF-8 text"});
    CHECK(problems_of("a: \xed\xa0\x80\n") == Lines{"1:4: not UTF-8 text"});
}

TEST_CASE("a byte order mark and Windows line ends do no harm", "[config]") {
    CHECK(
        problems_of(
            "\xEF\xBB\xBFversion: 1\r\nproviders: { openai: { api_key: none } }\r\nmodels: { \"*\": openai/* }\r\n") ==
        Lines{});
    CHECK(problems_of("\xEF\xBB\xBFvrsion: 1\r\n")[0] == "1:1: `version` is missing, for example `version: 1`");
}

TEST_CASE("thousands of problems are cut short", "[config]") {
    std::string yaml = "version: 1\nmodels:\n";
    for (int i = 0; i < 5000; ++i) yaml += "  m" + std::to_string(i) + ": nowhere/x\n";
    auto const lines = problems_of(yaml);
    CHECK(lines.size() == 201);
    CHECK(lines.back() == "203:9: and 4800 more problems from here on");
}

TEST_CASE("models that refer to each other in every way take no time", "[config]") {
    std::string yaml = "version: 1\nproviders: { openai: { api_key: none } }\nmodels:\n  m0: openai/x\n";
    for (int i = 1; i < 60; ++i) {
        std::string const before = "m" + std::to_string(i - 1);
        yaml += "  m" + std::to_string(i) + ": [" + before + ", " + before + ", openai/m" + std::to_string(i) + "]\n";
    }
    auto const lines = problems_of(yaml);
    CHECK(lines == Lines{"5:8: models refer to each other more than 16 deep"});
}

TEST_CASE("merge keys bring in what a map doesn't have itself", "[config]") {
    auto const settings = settings_of(
        "version: 1\n"
        "providers: { openai: { api_key: none } }\n"
        "models:\n"
        "  a: &base { targets: openai/a, timeout: &t { idle: 5s, total: 1m, first_token: 9s } }\n"
        "  b: { <<: *base, targets: openai/b }\n"
        "  c: { targets: openai/c, timeout: { <<: [*t], idle: 6s } }\n");
    CHECK(settings.models[1].targets[0].model == "b");
    CHECK(settings.models[1].timeout.idle == sluice::seconds(5));
    CHECK(settings.models[2].timeout.idle == sluice::seconds(6));
    CHECK(settings.models[2].timeout.total == sluice::seconds(60));
}

TEST_CASE("a problem shows its line with a caret", "[config]") {
    auto const result = load_text("version: 1\nmodels:\n  ä: nowhere/x\n");
    REQUIRE(result.problems.size() == 1);
    CHECK(to_text(result.problems[0], Colour::none) ==
          "sluice.yaml:3:6: error: there is no provider `nowhere`\n"
          "  3 |   ä: nowhere/x\n"
          "    |      ^\n");
    CHECK(to_github(result.problems[0]) == "::error file=sluice.yaml,line=3,col=6::there is no provider `nowhere`\n");
    CHECK(to_json(result.problems) ==
          "[\n  {\"severity\":\"error\",\"file\":\"sluice.yaml\",\"line\":3,\"column\":6,\"message\":\"there is no "
          "provider `nowhere`\"}\n]\n");
}

#include "config/interpolate.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/config/loading.hpp"

using namespace sluice::config;
using namespace sluice::config::testing;

namespace {

std::string expanded(std::string_view text) {
    auto const environment = environment_of({{"A", "1"}, {"B", "two words"}, {"EMPTY", ""}, {"TRICK", "${A} #: {"}});
    auto const result = interpolate(text, environment);
    return result ? result->text : "error: " + result.error();
}

}  // namespace

TEST_CASE("a variable is replaced inside a value, and its own text is taken as it is", "[config]") {
    auto const [text, expected] = GENERATE(table<char const*, char const*>({
        {"plain", "plain"},
        {"${A}", "1"},
        {"x${A}y${A}z", "x1y1z"},
        {"${B}", "two words"},
        {"${EMPTY}", ""},
        {"${TRICK}", "${A} #: {"},
        {"${NONE:-default}", "default"},
        {"${EMPTY:-default}", "default"},
        {"${A:-default}", "1"},
        {"${NONE:-}", ""},
        {"${NONE:-${A}}", "1"},
        {"${NONE:-${ALSO_NONE:-x}}", "x"},
        {"${NONE:-http://host:80/v1}", "http://host:80/v1"},
        {"${A:?must be there}", "1"},
        {"$${A}", "${A}"},
        {"$$$${A}", "$${A}"},
        {"5 $ and $A", "5 $ and $A"},
        {"$", "$"},
        {"", ""},
    }));
    CAPTURE(text);
    CHECK(expanded(text) == expected);
}

TEST_CASE("a variable that can't be replaced is an error that names it", "[config]") {
    auto const [text, expected] = GENERATE(table<char const*, char const*>({
        {"${NONE}", "error: environment variable NONE is not set; give it a value, or a default: ${NONE:-...}"},
        {"${NONE:?say which}", "error: environment variable NONE is not set: say which"},
        {"${EMPTY:?say which}", "error: environment variable EMPTY is not set: say which"},
        {"${", "error: `${` without its `}`; write `$$` for a dollar sign"},
        {"${A", "error: `${` without its `}`; write `$$` for a dollar sign"},
        {"${}", "error: `${` must be ${NAME}, ${NAME:-default} or ${NAME:?message}; write `$$` for a dollar sign"},
        {"${1A}", "error: `${` must be ${NAME}, ${NAME:-default} or ${NAME:?message}; write `$$` for a dollar sign"},
        {"${A:+x}", "error: `${` must be ${NAME}, ${NAME:-default} or ${NAME:?message}; write `$$` for a dollar sign"},
    }));
    CAPTURE(text);
    CHECK(expanded(text) == expected);
}

TEST_CASE("defaults inside defaults end somewhere", "[config]") {
    std::string text = "x";
    for (int i = 0; i < 1000; ++i) text = "${N:-" + text + "}";
    CHECK(expanded(text) == "error: `${` is nested too deeply");
}

TEST_CASE("a variable never adds structure to the file", "[config]") {
    auto const settings = settings_of(
        "version: 1\n"
        "providers: { openai: { api_key: none } }\n"
        "models: { a: { targets: openai/a, description: \"${D}\" } }\n",
        {{"D", "x }\nserver: { listen: 0.0.0.0:80 }"}});
    CHECK(settings.models[0].description == "x }\nserver: { listen: 0.0.0.0:80 }");
    CHECK(settings.server.listen == "127.0.0.1:8080");
}

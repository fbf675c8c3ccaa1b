// docs/reference/metrics.md names every family on the page, and nothing else.
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <regex>

#include "page_reader.hpp"
#include "sample_outcomes.hpp"
#include "server/observe/metrics.hpp"

using namespace sluice;

TEST_CASE("the reference page lists exactly the families that are exposed", "[metrics][docs]") {
    observe::Metrics const metrics(sample::settings(), 1, {});
    std::ifstream file(SLUICE_SOURCE_DIR "/docs/reference/metrics.md");
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    std::set<std::string> documented;
    std::regex const row("\\n\\| `([a-z_]+)` \\| (?:counter|gauge|histogram)");
    for (std::sregex_iterator it(text.begin(), text.end(), row), end; it != end; ++it) documented.insert((*it)[1]);
    CHECK(documented == sample::families(metrics.expose()));
}

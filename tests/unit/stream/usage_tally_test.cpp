#include "core/stream/usage_tally.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

TEST_CASE("uncounted text has a token for each four bytes, rounded up", "[usage]") {
    CHECK(estimated_tokens(0) == 0);
    CHECK(estimated_tokens(1) == 1);
    CHECK(estimated_tokens(4) == 1);
    CHECK(estimated_tokens(5) == 2);
}

TEST_CASE("without a word from the provider the usage is an estimate", "[usage]") {
    UsageTally tally(10);
    tally.add_output(3);
    tally.add_output(6);
    CHECK(tally.usage() == Usage{.input = 3, .output = 3, .source = UsageSource::estimated});
}

TEST_CASE("the provider's last word counts, an explicit zero included", "[usage]") {
    UsageTally tally(10);
    tally.add_output(3);
    tally.report({.input = 5, .output = 1, .source = UsageSource::provider});
    tally.report({.input = 5, .output = 2, .source = UsageSource::provider});
    CHECK(tally.usage() == Usage{.input = 5, .output = 2, .source = UsageSource::provider});
    tally.report({.source = UsageSource::provider});
    CHECK(tally.usage() == Usage{.source = UsageSource::provider});
}

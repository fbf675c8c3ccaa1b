#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/json/json_index.hpp"
#include "core/pipeline/outcome.hpp"
#include "providers/openai/usage_reader.hpp"

using namespace sluice;
namespace fs = std::filesystem;

// tests/fixtures/costs/*.json: what a provider reports, what it charges by (USD per million tokens), and what that is
// in nano-dollars, worked out by hand in `why`, in nano-dollars for each token. `charged` where that is another amount.

namespace {

std::string text_of(fs::path const& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<fs::path> corpus() {
    std::vector<fs::path> files;
    for (auto const& entry : fs::directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests/fixtures/costs")) {
        files.push_back(entry.path());
    }
    return files;
}

std::optional<PricePerMillion> price(nlohmann::json const& prices, char const* kind) {
    if (!prices.contains(kind)) return std::nullopt;
    return PricePerMillion{read_usd(prices.at(kind).get<std::string>()).value()};
}

/// `Prices`: a PriceSheet or a PriceTier.
template <class Prices>
Prices read_prices(nlohmann::json const& prices) {
    Prices read;
    read.input = price(prices, "input").value();
    read.output = price(prices, "output").value();
    read.cached_input = price(prices, "cached_input");
    read.cache_write = price(prices, "cache_write");
    read.reasoning = price(prices, "reasoning");
    return read;
}

PriceSheet read_sheet(nlohmann::json const& prices) {
    auto sheet = read_prices<PriceSheet>(prices);
    for (auto const& each : prices.value("tiers", nlohmann::json::array())) {
        auto tier = read_prices<PriceTier>(each);
        tier.above = each.at("above");
        sheet.tiers.push_back(tier);
    }
    return sheet;
}

/// From the text itself: a provider's decimals are no doubles.
Usage read_usage_of(std::string const& text) {
    JsonIndex index;
    auto const root = index.read(text);
    REQUIRE(root.has_value());
    auto const reading = openai::read_usage((*root)["usage"]);
    REQUIRE(reading.has_value());
    return reading->usage;
}

}  // namespace

TEST_CASE("what providers report costs what was worked out by hand", "[money][corpus]") {
    auto const files = corpus();
    CHECK(files.size() >= 35);
    for (auto const& file : files) {
        CAPTURE(file.filename().string());
        auto const text = text_of(file);
        auto const expected = nlohmann::json::parse(text);
        Attempt attempt;
        attempt.usage = read_usage_of(text);
        attempt.sheet_cost = cost_of(attempt.usage, read_sheet(expected.at("prices")));
        NanoUsd const by_sheet{expected.at("cost")};
        CHECK(attempt.sheet_cost == by_sheet);
        CHECK(attempt.cost() == NanoUsd{expected.value("charged", by_sheet.count)});
        CHECK_FALSE(expected.at("why").get<std::string>().empty());
    }
}

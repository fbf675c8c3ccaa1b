#include <catch2/catch.hpp>
#include <map>

#include "tests/unit/store/ledger_samples.hpp"

namespace sluice::store {
namespace {

using namespace testing;
using By = UsageQuery::By;
using std::chrono::hours;

/// Name -> calls and cost.
using Found = std::map<std::string, std::pair<std::int64_t, std::int64_t>>;

Found usage(LedgerStore& store, UsageQuery const& query) {
    Found found;
    for (auto const& row : store.usage(query).value()) found[row.name] = {row.calls, row.cost.count};
    return found;
}

Reserve reserve_for(CallId id, std::string key, std::string model, std::map<std::string, std::string> tags) {
    auto made = reserve(id);
    made.call.key = std::move(key);
    made.call.model = std::move(model);
    made.call.tags = std::move(tags);
    return made;
}

/// Three calls, on two days.
void fill(LedgerStore& store) {
    std::vector<LedgerEvent> const events{reserve_for({7, 1}, "k_a", "fast", {{"env", "prod"}, {"app", "web"}}),
                                          settle({7, 1}, noon(), {100}),
                                          reserve_for({7, 2}, "k_a", "smart", {{"env", "test"}}),
                                          settle({7, 2}, noon(hours(24)), {20}),
                                          reserve_for({7, 3}, "", "fast", {}),
                                          settle({7, 3}, noon(hours(25)), {3})};
    REQUIRE(store.append(events));
}

TEST_CASE("usage adds up by whatever is asked for", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    fill(*store);
    auto const [by, expected] = GENERATE(table<By, Found>({
        {By::key, {{"k_a", {2, 120}}, {"", {1, 3}}}},
        {By::team, {{"search", {3, 123}}}},
        {By::model, {{"fast", {2, 103}}, {"smart", {1, 20}}}},
        {By::provider, {{"groq", {3, 123}}}},
        {By::target, {{"groq/llama-3.3-70b", {3, 123}}}},
        {By::tag, {{"env=prod", {1, 100}}, {"app=web", {1, 100}}, {"env=test", {1, 20}}}},
        {By::user, {{"", {3, 123}}}},
        {By::day, {{"2026-07-01", {1, 100}}, {"2026-07-02", {2, 23}}}},
    }));
    CAPTURE(static_cast<int>(by));
    CHECK(usage(*store, {.by = by}) == expected);
    SECTION("also when the calls themselves are forgotten") {
        REQUIRE(store->forget(noon(hours(1'000))).value() == 3);
        CHECK(usage(*store, {.by = by}) == expected);
    }
}

TEST_CASE("usage can be asked of a time, and of some names", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    fill(*store);
    CHECK(usage(*store, {.by = By::model, .since = noon(hours(1))}) == Found{{"fast", {1, 3}}, {"smart", {1, 20}}});
    CHECK(usage(*store, {.by = By::model, .until = noon(hours(1))}) == Found{{"fast", {1, 100}}});
    CHECK(usage(*store, {.by = By::model, .only = {{By::key, "k_a"}}}) ==
          Found{{"fast", {1, 100}}, {"smart", {1, 20}}});
    CHECK(usage(*store, {.by = By::key, .only = {{By::tag, "env=prod"}}}) == Found{{"k_a", {1, 100}}});
    CHECK(usage(*store, {.by = By::tag, .only = {{By::tag, "env=prod"}}}) == Found{{"env=prod", {1, 100}}});
    CHECK(usage(*store, {.by = By::key, .only = {{By::tag, "env=pro"}}}).empty());
    CHECK(usage(*store, {.by = By::model, .only = {{By::day, "2026-07-02"}}}) ==
          Found{{"fast", {1, 3}}, {"smart", {1, 20}}});
}

TEST_CASE("usage tells failed, estimated, open and adjusted calls", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    auto failed = settle({7, 1}, noon(), {0});
    failed.end.result = AttemptResult::server_error;
    auto cancelled = settle({7, 2}, noon(), {50});
    cancelled.end.result = AttemptResult::cancelled;
    cancelled.end.usage.source = UsageSource::estimated;
    cancelled.end.usage.reported_cost = NanoUsd{50};
    std::vector<LedgerEvent> const events{reserve({7, 1}), failed,          reserve({7, 2}),
                                          cancelled,       reserve({7, 3}), Raise{{7, 3}, noon(), {7'000}}};
    REQUIRE(store->append(events));
    REQUIRE(store->adjust({7, 2}, {5}, "late fee", noon()));
    auto const rows = store->usage({.by = By::key}).value();
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].calls == 2);
    CHECK(rows[0].failed == 1);
    CHECK(rows[0].estimated == 1);
    CHECK(rows[0].cost == NanoUsd{55});
    CHECK(rows[0].usage.reported_cost == NanoUsd{50});
    CHECK(rows[0].open == 1);
    CHECK(rows[0].reserved == NanoUsd{7'000});
}

TEST_CASE("an exported call has all its lines", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    std::vector<LedgerEvent> const events{reserve({7, 2}), reserve({7, 1}), Raise{{7, 1}, noon(), {7'000}},
                                          settle({7, 1}, noon(hours(1)))};
    REQUIRE(store->append(events));
    REQUIRE(store->adjust({7, 1}, {-5}, "said \"sorry\"", noon()));
    std::vector<std::string> lines;
    REQUIRE(store->export_calls(noon(), noon(hours(2)), [&lines](std::string const& line) {
        lines.push_back(line);
        return true;
    }));
    REQUIRE(lines.size() == 2);
    CHECK(
        lines[0] ==
        R"({"id":"7/1","at_ms":1782907200000,"request_id":"req-1","attempt":1,"key":"k_search","team":"search",)"
        R"("tags":["app=web","env=prod"],"user":"","model":"fast","provider":"groq","target_model":"llama-3.3-70b",)"
        R"("credential":"main","reserved_nano_usd":5000,"raises":[{"at_ms":1782907200000,"reserved_nano_usd":7000}],)"
        R"("settlement":{"at_ms":1782910800000,"cost_nano_usd":3000,"sheet_cost_nano_usd":3000,)"
        R"("reported_cost_nano_usd":null,"input":100,"output":20,"cached_input":0,"cache_write":0,"reasoning":0,)"
        R"("audio_input":0,"audio_output":0,"usage_source":"provider","result":"ok","upstream_status":200,"requests":1,)"
        R"("uncertain":false,"unpriced":false,"over_reserved":false,"recovered":false},)"
        R"("adjustments":[{"at_ms":1782907200000,"amount_nano_usd":-5,"tokens":0,"why":"said \"sorry\""}]})");
    CHECK(lines[1].find(R"("id":"7/2")") != std::string::npos);
    CHECK(lines[1].find(R"("settlement":null)") != std::string::npos);
}

}  // namespace
}  // namespace sluice::store

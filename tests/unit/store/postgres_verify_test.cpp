#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/store/ledger_samples.hpp"

namespace sluice::store {
namespace {

using namespace testing;
using std::chrono::hours;

void append(LedgerStore& store, std::vector<LedgerEvent> const& events) {
    auto const appended = store.append(events);
    if (!appended) FAIL(appended.error().detail.str());
}

TEST_CASE("verify finds what does not fit in PostgreSQL", "[postgres]") {
    auto const [sql, says] = GENERATE(table<char const*, char const*>({
        {"UPDATE sluice_settlements SET cost = cost + 1 WHERE number = 1", "the sum says 6000"},
        {"UPDATE sluice_settlements SET cost = 6000 WHERE number = 1", "cost 6000 nano-dollars of 5000 reserved"},
        {"UPDATE sluice_sums SET tokens = 0", "0 tokens, the lines say"},
        {"DELETE FROM sluice_sums WHERE kind = 'team'", "of team search: the sum says 0 nano-dollars"},
        {"DELETE FROM sluice_settlements WHERE number = 1", "7/1 is neither settled nor open"},
        {"DELETE FROM sluice_calls WHERE number = 1", "the settlement of call 7/1 has no reservation"},
        {"INSERT INTO sluice_raises VALUES(7, 99, 1, 0)", "the raise of call 7/99 has no reservation"},
        {"INSERT INTO sluice_open_calls VALUES(7, 1, 0)", "7/1 is settled, and still among the open ones"},
        {"UPDATE sluice_open_calls SET reserved = 1", "its lines say 5000"},
        {"UPDATE sluice_epochs SET calls = calls + 1", "process 7 made 4 calls"},
    }));
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1}), reserve({7, 2}), settle({7, 2}), reserve({7, 3})});
    REQUIRE(faults(*store) == std::vector<std::string>{});
    folder.run_in_server(sql);
    auto const found = faults(*store);
    CAPTURE(sql, found);
    std::string const expected = says;
    auto const fits = [&expected](std::string const& fault) { return fault.find(expected) != std::string::npos; };
    CHECK(std::ranges::any_of(found, fits));
}

TEST_CASE("in PostgreSQL, too, what is forgotten leaves its sums behind", "[postgres]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    std::vector<LedgerEvent> events;
    for (int i = 0; i < 1'000; ++i) {
        events.emplace_back(reserve({7, i}));
        events.emplace_back(settle({7, i}, noon(hours(i / 100)), {10}));
    }
    events.emplace_back(reserve({7, 1'000}));  // open
    append(*store, events);
    REQUIRE(store->adjust({7, 3}, {5}, "late", noon(hours(20))));
    auto const before = total(*store, search_key);

    CHECK(store->forget(noon(hours(5))).value() == 500);
    CHECK(total(*store, search_key) == before);
    CHECK(faults(*store) == std::vector<std::string>{});
    CHECK(store->forget(noon(hours(5))).value() == 0);
    CHECK(store->counts(7).value().calls == 1'001);

    CHECK(store->forget(noon(hours(50))).value() == 500);
    append(*store, {settle({7, 1'000}, noon(hours(51)), {10})});
    CHECK(total(*store, search_key)[Resource::money] == before[Resource::money] + 10);
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("in PostgreSQL, too, an adjustment is charged when it is made", "[postgres]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1})});
    REQUIRE(store->adjust({7, 1}, {-1'000}, "refund", noon(hours(5))));
    REQUIRE(store->adjust({7, 1}, {200}, "and a fee", noon(hours(5))));
    CHECK(total(*store, search_key) == amounts(2'200, 1, 120));
    CHECK(faults(*store) == std::vector<std::string>{});
    CHECK(store->adjust({7, 2}, {1}, "none", noon()).error().kind == ErrorKind::invalid_value);
}

TEST_CASE("tables of a newer program are refused, and a command makes none", "[postgres]") {
    TemporaryFolder folder;
    CHECK(open_store(folder.url(), OpenedBy::command).error().kind == ErrorKind::ledger_unavailable);
    opened(folder)->version().value();
    CHECK(open_store(folder.url(), OpenedBy::command));
    folder.run_in_server("INSERT INTO sluice_schema VALUES(1000)");
    auto const refused = open_store(folder.url(), OpenedBy::command);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().detail.find("version 1000, written by a newer sluice") != std::string::npos);
}

TEST_CASE("replicas that start together make the tables once", "[postgres]") {
    TemporaryFolder folder;
    std::vector<std::thread> replicas;
    std::atomic<int> failed = 0;
    for (int i = 0; i < 8; ++i) {
        replicas.emplace_back([&] {
            auto const store = open_store(folder.url(), OpenedBy::gateway).value();
            if (!store->append(std::vector<LedgerEvent>{reserve({7, 1}), settle({7, 1})})) ++failed;
        });
    }
    for (auto& replica : replicas) replica.join();
    CHECK(failed == 0);
    CHECK(total(*opened(folder), search_key) == amounts(3'000, 1, 120));
}

TEST_CASE("replicas append at the same time, and the sums are exact", "[postgres]") {
    TemporaryFolder folder;
    std::vector<std::thread> replicas;
    std::atomic<int> failed = 0;
    for (int epoch = 1; epoch <= 4; ++epoch) {
        replicas.emplace_back([&folder, &failed, epoch] {
            auto const store = opened(folder);
            for (int batch = 0; batch < 25; ++batch) {
                std::vector<LedgerEvent> events;
                for (int i = 0; i < 40; ++i) {
                    CallId const id{epoch, batch * 40 + i};
                    events.emplace_back(reserve(id));
                    events.emplace_back(settle(id, noon(hours(i % 3)), {i}));
                }
                if (!store->append(events)) ++failed;
            }
        });
    }
    for (auto& replica : replicas) replica.join();
    CHECK(failed == 0);
    auto const store = opened(folder);
    CHECK(total(*store, search_key) == amounts(4 * 25 * 780, 4'000, 480'000));
    CHECK(faults(*store) == std::vector<std::string>{});
}

}  // namespace
}  // namespace sluice::store

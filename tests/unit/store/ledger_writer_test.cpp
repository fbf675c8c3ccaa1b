#include "server/store/ledger_writer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "server/store/ledger_check.hpp"
#include "tests/unit/store/ledger_samples.hpp"
#include "tests/unit/store/writer_world.hpp"

namespace sluice::store {
namespace {

using namespace testing;
using std::chrono::steady_clock;

constexpr milliseconds at_once{100};

LedgerSettlement ended(NanoUsd cost = {3'000}) { return settle({}, noon(), cost).end; }

/// A writer on `store`, and what its callers need.
struct World {
    explicit World(LedgerStore& store, LedgerWriterOptions options = {}) : writer(store, quick(std::move(options))) {}

    static LedgerWriterOptions quick(LedgerWriterOptions options) {
        options.backoff_first = milliseconds(5);
        options.backoff_most = milliseconds(10);
        return options;
    }
    std::unique_ptr<LedgerCall> call() {
        auto made = writer.reserve(reserve({}).call, clock);
        if (!made) FAIL(made.error().detail.str());
        return std::move(*made);
    }
    Result<> recorded(LedgerCall& call) { return run(call.recorded(nobody)); }
    Result<> durable(LedgerCall& call) { return run(call.durable(nobody)); }
    Result<> close(milliseconds within = milliseconds(5'000)) { return writer.close(steady_clock::now() + within); }

    BlockingClock clock;
    Cancellation nobody;
    LedgerWriter writer;
};

TEST_CASE("a recorded call stands in the store, and a durable one is synced", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    auto const call = world.call();
    REQUIRE(world.recorded(*call));
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(store.all<Reserve>()[0].id.epoch == world.writer.epoch());
    REQUIRE(world.durable(*call));
    CHECK(store.how_many_synced() == 1);
}

TEST_CASE("closing writes and syncs what was said", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    auto const call = world.call();
    call->raise({9'000});
    call->settle(ended());
    call->settle(ended({1}));  // only the first counts
    REQUIRE(world.close());
    CHECK(store.all<Raise>().at(0).amount == NanoUsd{9'000});
    REQUIRE(store.all<Settle>().size() == 1);
    CHECK(store.all<Settle>()[0].end.cost == NanoUsd{3'000});
    CHECK(store.all<Settle>()[0].requests == 1);
    CHECK(store.how_many_synced() == 3);
    CHECK_FALSE(world.writer.reserve(reserve({}).call, world.clock));
}

TEST_CASE("a call that nobody settled is settled for nothing", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    world.call().reset();
    REQUIRE(world.close());
    auto const settled = store.all<Settle>();
    REQUIRE(settled.size() == 1);
    CHECK(settled[0].end.cost == NanoUsd{0});
    CHECK(settled[0].end.result == AttemptResult::cancelled);
    CHECK(settled[0].requests == 0);
}

TEST_CASE("only the first attempt counts as a request", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    auto second = reserve({}).call;
    second.attempt = 2;
    world.writer.reserve(second, world.clock).value()->settle(ended());
    REQUIRE(world.close());
    CHECK(store.all<Settle>().at(0).requests == 0);
}

TEST_CASE("calls that come together share a commit", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    constexpr int callers = 32;
    constexpr int calls = 50;
    std::vector<std::thread> threads;
    for (int i = 0; i < callers; ++i) {
        threads.emplace_back([&world] {
            for (int j = 0; j < calls; ++j) {
                auto const call = world.call();
                if (!world.recorded(*call) || !world.durable(*call)) return;
                call->settle(ended());
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == callers * calls);
    CHECK(store.all<Settle>().size() == callers * calls);
    CHECK(world.writer.status().commits < callers * calls);
    auto const counts = world.writer.counts();
    CHECK(counts.begun == callers * calls);
    CHECK(counts.settled == callers * calls);
    CHECK(counts.calls_written == callers * calls);
    CHECK(counts.answered_written == callers * calls);
}

TEST_CASE("while the store fails calls are refused at once, and what was used is written later", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    auto const before = world.call();
    REQUIRE(world.recorded(*before));
    store.fail(true, false);

    auto const begun = steady_clock::now();
    auto const during = world.call();  // nobody has noticed yet
    auto const recorded = world.recorded(*during);
    REQUIRE_FALSE(recorded);
    CHECK(recorded.error().kind == ErrorKind::ledger_unavailable);
    CHECK(recorded.error().retry_after == milliseconds(5'000));
    auto const refused = world.writer.reserve(reserve({}).call, world.clock);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::ledger_unavailable);
    CHECK(steady_clock::now() - begun < at_once);
    CHECK(world.writer.status().failing);
    CHECK(world.writer.status().last_error == "disk full");

    before->settle(ended());
    during->settle(ended());  // was not made
    store.fail(false, false);
    REQUIRE(eventually([&world] { return !world.writer.status().failing; }));
    auto after = world.call();
    CHECK(world.recorded(*after));
    after.reset();
    REQUIRE(world.close());
    // The refused one may have been written: then it is settled for nothing.
    std::map<std::int64_t, NanoUsd> costs;
    for (auto const& each : store.all<Settle>()) costs[each.id.number] = each.end.cost;
    CHECK(costs == std::map<std::int64_t, NanoUsd>{{1, {3'000}}, {2, {0}}, {4, {0}}});
}

TEST_CASE("after a failed sync the store is opened anew and gets what it has lost", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    store.fail(false, true);
    auto const call = world.call();
    REQUIRE(world.recorded(*call));
    auto const durable = world.durable(*call);
    REQUIRE_FALSE(durable);
    CHECK(durable.error().kind == ErrorKind::ledger_unavailable);
    REQUIRE(eventually([&store] { return std::lock_guard(store.mutex), store.reopened > 1; }));
    CHECK_FALSE(world.writer.reserve(reserve({}).call, world.clock));

    store.fail(false, false);
    REQUIRE(eventually([&world] { return !world.writer.status().failing; }));
    CHECK(world.durable(*call));
    call->settle(ended());
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(store.all<Settle>().size() == 1);
}

TEST_CASE("a full queue refuses calls, and no settlement", "[writer]") {
    FakeStore store;
    World world(store, {.most_queued = 10});
    REQUIRE(world.writer.start());
    store.block(true);
    std::vector<std::unique_ptr<LedgerCall>> calls;
    std::optional<Error> refused;
    while (!refused && calls.size() < 100) {
        auto made = world.writer.reserve(reserve({}).call, world.clock);
        if (made) {
            calls.push_back(std::move(*made));
        } else {
            refused = made.error();
        }
    }
    REQUIRE(refused);
    CHECK(refused->kind == ErrorKind::ledger_unavailable);
    for (auto const& call : calls) call->settle(ended());
    auto const written = calls.size();
    store.block(false);
    REQUIRE(world.close());
    CHECK(store.all<Settle>().size() == written);
}

TEST_CASE("a store that hangs does not hold a call for ever", "[writer]") {
    FakeStore store;
    World world(store, {.recorded_within = milliseconds(20)});
    REQUIRE(world.writer.start());
    store.block(true);
    {
        auto const call = world.call();
        auto const recorded = world.recorded(*call);
        REQUIRE_FALSE(recorded);
        CHECK(recorded.error().kind == ErrorKind::ledger_unavailable);
    }
    store.block(false);
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(store.all<Settle>().at(0).end.cost == NanoUsd{0});
}

TEST_CASE("who watches is told when the store fails and when it is back", "[writer]") {
    FakeStore store;
    std::vector<std::string> told;
    World world(store, {.on_change = [&told](Error const* failure) {
                    told.emplace_back(failure == nullptr ? "back" : failure->detail.str());
                }});
    REQUIRE(world.writer.start());
    store.fail(true, false);
    std::ignore = world.recorded(*world.call());
    store.fail(false, false);
    REQUIRE(eventually([&world] { return !world.writer.status().failing; }));
    REQUIRE(world.close());
    CHECK(told == std::vector<std::string>{"disk full", "back"});
}

// --- the spool

LedgerWriterOptions allowing(TemporaryFolder const& folder) {
    return {.allow_if_unavailable = true, .spool_folder = folder.file("spool")};
}

TEST_CASE("where that is allowed, calls go on while the store fails, and are written when it is back",
          "[writer][spool]") {
    TemporaryFolder folder;
    FakeStore store;
    World world(store, allowing(folder));
    REQUIRE(world.writer.start());
    auto const before = world.call();
    REQUIRE(world.recorded(*before));
    store.fail(true, false);
    std::vector<std::unique_ptr<LedgerCall>> during;
    for (int i = 0; i < 20; ++i) {
        during.push_back(world.call());
        REQUIRE(world.recorded(*during.back()));
        REQUIRE(world.durable(*during.back()));
    }
    before->settle(ended());
    for (int i = 0; i < 10; ++i) during[static_cast<std::size_t>(i)]->settle(ended());
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(world.writer.status().spool_bytes > 0);

    store.fail(false, false);
    REQUIRE(eventually([&world] { return !world.writer.status().failing; }));
    during.clear();
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == 21);
    CHECK(store.all<Settle>().size() == 21);
    CHECK(world.writer.counts().calls_written == 21);
    CHECK(world.writer.status().spool_bytes == 0);
    CHECK(std::filesystem::is_empty(folder.file("spool")));
}

TEST_CASE("what could not be written when a process ended is written by the next one", "[writer][spool]") {
    TemporaryFolder folder;
    bool const allowed = GENERATE(true, false);
    FakeStore store;
    {
        World world(store, {.allow_if_unavailable = allowed, .spool_folder = folder.file("spool")});
        REQUIRE(world.writer.start());
        auto const call = world.call();
        REQUIRE(world.recorded(*call));
        store.fail(true, false);
        std::ignore = world.recorded(*world.call());
        call->settle(ended());
        CHECK(world.close(milliseconds(0)));
    }
    CHECK(store.all<Settle>().empty());
    store.fail(false, false);
    World next(store, {.spool_folder = folder.file("spool")});
    REQUIRE(next.writer.start());
    auto const settled = store.all<Settle>();
    CHECK(settled.size() == 2);
    CHECK(std::ranges::any_of(settled, [](Settle const& each) { return each.end.cost == NanoUsd{3'000}; }));
    CHECK(std::filesystem::is_empty(folder.file("spool")));
}

TEST_CASE("without a spool, what can't be written at the end is reported as lost", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.writer.start());
    auto const call = world.call();
    REQUIRE(world.recorded(*call));
    store.fail(true, false);
    std::ignore = world.recorded(*world.call());
    call->settle(ended());
    CHECK_FALSE(world.close(milliseconds(0)));
}

TEST_CASE("a process begins while its store is away, if calls may go on then", "[writer][spool]") {
    TemporaryFolder folder;
    FakeStore store;
    store.fail(true, false);
    SECTION("they may not") {
        World world(store);
        CHECK_FALSE(world.writer.start());
    }
    SECTION("they may") {
        World world(store, allowing(folder));
        REQUIRE(world.writer.start());
        auto const call = world.call();
        REQUIRE(world.recorded(*call));
        CHECK(store.recoveries == 0);
        store.fail(false, false);
        REQUIRE(eventually([&world] { return !world.writer.status().failing; }));
        CHECK(store.recoveries == 1);
        CHECK(store.all<Reserve>().size() == 1);
    }
}

// --- on a real file

TEST_CASE("on SQLite, a writer's calls add up, and those of one that died are recovered by the next",
          "[writer][store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    {
        World world(*store);
        REQUIRE(world.writer.start());
        for (int i = 0; i < 100; ++i) {
            auto const call = world.call();
            REQUIRE(world.recorded(*call));
            call->settle(ended());
        }
        REQUIRE(world.close());
        auto const written = store->counts(world.writer.epoch()).value();
        CHECK(check_ledger(100, world.writer.counts(), written) == std::nullopt);
    }
    REQUIRE(store->append(std::vector<LedgerEvent>{reserve({7, 1})}));  // of a process without a heartbeat
    World next(*store);
    REQUIRE(next.writer.start());
    CHECK(next.writer.status().recovered == 1);
    CHECK(total(*store, search_key) == amounts(305'000, 101, 12'000));
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("served calls without a line in the ledger raise an alarm", "[writer]") {
    LedgerCounts const told{.begun = 10,
                            .settled = 10,
                            .answered = 8,
                            .calls_written = 10,
                            .settlements_written = 10,
                            .answered_written = 8};
    EpochCounts const written{.calls = 10, .settled = 10, .answered = 8};
    CHECK_FALSE(check_ledger(8, told, written));
    CHECK_FALSE(check_ledger(7, told, {.calls = 11, .settled = 11, .answered = 9}));  // looked at later
    CHECK(check_ledger(9, told, written)->what == "9 calls were answered by upstreams, and the ledger was told of 8");
    CHECK(check_ledger(8, told, {.calls = 9, .settled = 10, .answered = 8}));
    CHECK(check_ledger(8, told, {.calls = 10, .settled = 9, .answered = 8}));
    CHECK(check_ledger(8, told, {.calls = 10, .settled = 10, .answered = 7}));
}

}  // namespace
}  // namespace sluice::store

#include "server/store/ledger_writer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>

#include "server/store/event_bytes.hpp"
#include "server/store/ledger_check.hpp"
#include "tests/unit/store/ledger_samples.hpp"
#include "tests/unit/store/small_disk.hpp"
#include "tests/unit/store/writer_world.hpp"

namespace sluice::store {
namespace {

using namespace testing;
using std::chrono::steady_clock;

constexpr milliseconds at_once{100};

LedgerSettlement ended(NanoUsd cost = {3'000}) { return settle({}, noon(), cost).end; }

/// A writer to `store`, and a desk.
struct World {
    explicit World(LedgerStore& store, LedgerWriterOptions options = {}) : writer(store, quick(std::move(options))) {}

    static LedgerWriterOptions quick(LedgerWriterOptions options) {
        options.backoff_first = milliseconds(5);
        options.backoff_most = milliseconds(10);
        options.append_every = milliseconds(1);
        return options;
    }
    Result<> start() {
        SLUICE_CHECK(writer.start());
        desk.emplace(writer);
        return {};
    }
    std::unique_ptr<LedgerCall> call() {
        auto made = desk->reserve(reserve({}).call);
        if (!made) FAIL(made.error().detail.str());
        return std::move(*made);
    }
    bool takes_calls() { return desk->reserve(reserve({}).call).has_value(); }
    Result<> recorded(LedgerCall& call) { return desk->recorded(call); }
    Result<> durable(LedgerCall& call) { return desk->durable(call); }
    Result<> close(milliseconds within = milliseconds(5'000)) {
        desk.reset();
        return writer.close(steady_clock::now() + within);
    }
    bool works_again() {
        return eventually([this] { return !writer.status().failing; });
    }

    LedgerWriter writer;
    std::optional<Desk> desk;
};

/// What `folder` would tell the next process, if this one were gone now.
std::vector<LedgerEvent> left_in(std::string const& folder) {
    TemporaryFolder copy;
    for (auto const& file : std::filesystem::directory_iterator(folder)) {
        std::filesystem::copy_file(file.path(), copy.path / file.path().filename());
    }
    std::vector<LedgerEvent> events;
    for (auto const& file : JournalFile::left_behind(copy.path)) {
        for (std::uint64_t at = 0; at < file.end();) {
            auto found = read_events(file, at, file.end()).value();
            at = found.end;
            for (auto& event : found.events) events.push_back(std::move(event));
        }
    }
    return events;
}

LedgerWriterOptions shared_store() { return {.recorded_in = RecordedIn::store}; }

TEST_CASE("a recorded call survives its process, a durable one is synced, and the store gets both", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    store.block(true);  // nobody waits for it
    World world(store, {.journal_folder = folder.file("journals")});
    REQUIRE(world.start());
    auto const call = world.call();
    REQUIRE(world.recorded(*call));
    auto const left = left_in(folder.file("journals"));
    REQUIRE(left.size() == 1);
    CHECK(std::get<Reserve>(left[0]).id.epoch == world.writer.epoch());
    CHECK(std::get<Reserve>(left[0]).call.key == "k_search");
    REQUIRE(world.durable(*call));
    CHECK(world.writer.status().syncs > 0);
    store.block(false);
    call->settle(ended());
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(store.all<Settle>().size() == 1);
    CHECK(store.how_many_synced() == 2);
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

TEST_CASE("a call that others shall know of is recorded when the store has it", "[writer]") {
    FakeStore store;
    World world(store, shared_store());
    REQUIRE(world.start());
    auto const call = world.call();
    REQUIRE(world.recorded(*call));
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(store.all<Reserve>()[0].id.epoch == world.writer.epoch());
    REQUIRE(world.durable(*call));
}

TEST_CASE("closing writes and syncs what was said", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.start());
    auto const call = world.call();
    call->raise({9'000});
    call->settle(ended());
    call->settle(ended({1}));  // only the first counts
    world.desk->turn();
    REQUIRE(world.writer.close(steady_clock::now() + milliseconds(5'000)));
    CHECK(store.all<Raise>().at(0).amount == NanoUsd{9'000});
    REQUIRE(store.all<Settle>().size() == 1);
    CHECK(store.all<Settle>()[0].end.cost == NanoUsd{3'000});
    CHECK(store.all<Settle>()[0].requests == 1);
    CHECK(store.how_many_synced() == 3);
    CHECK_FALSE(world.takes_calls());
}

TEST_CASE("a call that nobody settled is settled for nothing", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.start());
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
    REQUIRE(world.start());
    auto second = reserve({}).call;
    second.attempt = 2;
    world.desk->reserve(second).value()->settle(ended());
    REQUIRE(world.close());
    CHECK(store.all<Settle>().at(0).requests == 0);
}

TEST_CASE("what all workers say stands in the store, and comes there together", "[writer]") {
    FakeStore store;
    World world(store, GENERATE(LedgerWriterOptions{}, shared_store()));
    REQUIRE(world.start());
    constexpr int workers = 4;
    constexpr int calls = 200;
    std::vector<std::thread> threads;
    for (int i = 0; i < workers; ++i) {
        threads.emplace_back([&world] {
            Desk desk(world.writer);
            for (int j = 0; j < calls; ++j) {
                auto const call = desk.reserve(reserve({}).call).value();
                if (!desk.recorded(*call) || (j % 20 == 0 && !desk.durable(*call))) return;
                call->settle(ended());
            }
        });
    }
    for (auto& thread : threads) thread.join();
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == workers * calls);
    CHECK(store.all<Settle>().size() == workers * calls);
    CHECK(world.writer.status().commits < 2 * workers * calls);
    auto const counts = world.writer.counts();
    CHECK(counts.begun == workers * calls);
    CHECK(counts.settled == workers * calls);
    CHECK(counts.calls_written == workers * calls);
    CHECK(counts.answered_written == workers * calls);
}

TEST_CASE("files of the journal are used again when the store has what stands in them", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    World world(store, {.journal_folder = folder.file("journals"), .page_bytes = 2'000});
    REQUIRE(world.start());
    std::size_t most_files = 0;
    for (int i = 0; i < 300; ++i) {
        auto const call = world.call();
        REQUIRE(world.durable(*call));
        call->settle(ended());
        auto const files = std::filesystem::directory_iterator(folder.file("journals"));
        most_files = std::max<std::size_t>(most_files, std::ranges::distance(files));
    }
    CHECK(most_files <= 4);
    REQUIRE(world.close());
    CHECK(store.all<Settle>().size() == 300);
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

// --- a store that fails

TEST_CASE("while the store fails calls are refused at once, and what was used is written later", "[writer]") {
    FakeStore store;
    World world(store, shared_store());
    REQUIRE(world.start());
    auto const before = world.call();
    REQUIRE(world.recorded(*before));
    store.fail(true, false);

    auto const begun = steady_clock::now();
    auto const during = world.call();  // nobody has noticed yet
    auto const recorded = world.recorded(*during);
    REQUIRE_FALSE(recorded);
    CHECK(recorded.error().kind == ErrorKind::ledger_unavailable);
    CHECK(recorded.error().retry_after == milliseconds(5'000));
    auto const refused = world.desk->reserve(reserve({}).call);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::ledger_unavailable);
    CHECK(steady_clock::now() - begun < at_once);
    CHECK(world.writer.status().failing);
    CHECK(world.writer.status().last_error == "disk full");
    CHECK(world.durable(*before));  // it was written before

    before->settle(ended());
    during->settle(ended());  // was not made
    world.desk->turn();
    store.fail(false, false);
    REQUIRE(world.works_again());
    auto after = world.call();
    CHECK(world.recorded(*after));
    after.reset();
    REQUIRE(world.close());
    std::map<std::int64_t, NanoUsd> costs;
    for (auto const& each : store.all<Settle>()) costs[each.id.number] = each.end.cost;
    CHECK(costs == std::map<std::int64_t, NanoUsd>{{1, {3'000}}, {2, {3'000}}, {3, {0}}});
    CHECK(store.all<Reserve>().size() == 3);
}

TEST_CASE("a store beside the journal that fails stops new calls, not those that were recorded", "[writer]") {
    FakeStore store;
    World world(store);
    REQUIRE(world.start());
    store.fail(true, false);
    auto const call = world.call();
    REQUIRE(world.recorded(*call));
    REQUIRE(eventually([&world] { return world.writer.status().failing; }));
    CHECK(world.durable(*call));
    CHECK_FALSE(world.takes_calls());
    call->settle(ended());
    world.desk->turn();
    store.fail(false, false);
    REQUIRE(world.works_again());
    REQUIRE(world.close());
    CHECK(store.all<Settle>().at(0).end.cost == NanoUsd{3'000});
}

TEST_CASE("a store that is opened anew after a failed sync gets what it has lost, and it counts once", "[writer]") {
    FakeStore store;
    World world(store, {.page_bytes = 200});
    REQUIRE(world.start());
    store.fail(false, true);
    auto const call = world.call();
    REQUIRE(world.durable(*call));
    call->settle(ended());
    world.desk->turn();
    REQUIRE(eventually([&store] { return std::lock_guard(store.mutex), store.reopened > 1; }));
    CHECK_FALSE(world.takes_calls());

    store.fail(false, false);
    REQUIRE(world.works_again());
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(store.all<Settle>().size() == 1);
    CHECK(world.writer.counts().calls_written == 1);
    CHECK(world.writer.counts().settlements_written == 1);
}

TEST_CASE("a store that is too slow stops calls, and no settlement", "[writer]") {
    FakeStore store;
    World world(store, {.most_waiting = 10});
    REQUIRE(world.start());
    store.block(true);
    std::vector<std::unique_ptr<LedgerCall>> calls;
    std::optional<Error> refused;
    while (!refused && calls.size() < 100) {
        auto made = world.desk->reserve(reserve({}).call);
        world.desk->turn();
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
    world.desk->turn();
    store.block(false);
    calls.clear();
    REQUIRE(world.close());
    CHECK(store.all<Settle>().size() == written);
}

TEST_CASE("a store that hangs does not hold a call for ever", "[writer]") {
    FakeStore store;
    World world(store, {.recorded_in = RecordedIn::store, .recorded_within = milliseconds(20)});
    REQUIRE(world.start());
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

TEST_CASE("who watches is told when the ledger fails and when it works again", "[writer]") {
    FakeStore store;
    std::vector<std::string> told;
    World world(store, {.recorded_in = RecordedIn::store, .on_change = [&told](Error const* failure) {
                            told.emplace_back(failure == nullptr ? "back" : failure->detail.str());
                        }});
    REQUIRE(world.start());
    store.fail(true, false);
    std::ignore = world.recorded(*world.call());
    store.fail(false, false);
    REQUIRE(world.works_again());
    REQUIRE(world.close());
    CHECK(told == std::vector<std::string>{"disk full", "back"});
}

// --- a store that is away for long

LedgerWriterOptions allowing(TemporaryFolder const& folder) {
    return {.recorded_in = RecordedIn::store, .journal_folder = folder.file("journals"), .allow_if_unavailable = true};
}

TEST_CASE("where that is allowed, calls go on while the store fails, and are written when it is back", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    World world(store, allowing(folder));
    REQUIRE(world.start());
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
    world.desk->turn();
    CHECK(store.all<Reserve>().size() == 1);
    CHECK(world.writer.status().waiting > 30);

    store.fail(false, false);
    REQUIRE(world.works_again());
    during.clear();
    REQUIRE(world.close());
    CHECK(store.all<Reserve>().size() == 21);
    CHECK(store.all<Settle>().size() == 21);
    CHECK(world.writer.counts().calls_written == 21);
    CHECK(world.writer.status().waiting == 0);
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

TEST_CASE("what the store could not take when a process ended it gets from the next one", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    {
        World world(store, {.recorded_in = GENERATE(RecordedIn::journal, RecordedIn::store),
                            .journal_folder = folder.file("journals")});
        REQUIRE(world.start());
        auto call = world.call();
        REQUIRE(world.recorded(*call));
        REQUIRE(eventually([&store] { return store.all<Reserve>().size() == 1; }));
        store.fail(true, false);
        call->settle(ended());
        call.reset();
        CHECK(world.close(milliseconds(0)));
    }
    CHECK(store.all<Settle>().empty());
    store.fail(false, false);
    World next(store, {.journal_folder = folder.file("journals")});
    REQUIRE(next.start());
    REQUIRE(store.all<Settle>().size() == 1);
    CHECK(store.all<Settle>()[0].end.cost == NanoUsd{3'000});
    REQUIRE(next.close());
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

TEST_CASE("a process that goes on takes over the journal of one that is gone", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    World world(store, {.journal_folder = folder.file("journals"),
                        .heartbeat_every = milliseconds(5),
                        .alive_within = milliseconds(10)});
    REQUIRE(world.start());
    {
        auto file = JournalFile::create(folder.file("journals"), 7, 1).value();
        std::string frame;
        add_event(frame, reserve({7, 1}));
        REQUIRE(file.append(frame));
    }
    REQUIRE(eventually([&store] { return store.all<Reserve>().size() == 1; }));
    REQUIRE(world.close());
    CHECK(store.ended.contains(7));
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

TEST_CASE("without a folder, what can't be written at the end is reported as lost", "[writer]") {
    FakeStore store;
    World world(store, shared_store());
    REQUIRE(world.start());
    CHECK_FALSE(world.writer.journal_lasts());
    auto call = world.call();
    REQUIRE(world.recorded(*call));
    store.fail(true, false);
    call->settle(ended());
    call.reset();
    CHECK_FALSE(world.close(milliseconds(0)));
}

TEST_CASE("a process begins while its store is away, if calls may go on then", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    store.fail(true, false);
    SECTION("they may not") {
        World world(store);
        CHECK_FALSE(world.start());
    }
    SECTION("they may") {
        World world(store, allowing(folder));
        REQUIRE(world.start());
        auto const call = world.call();
        REQUIRE(world.recorded(*call));
        CHECK(store.recoveries == 0);
        store.fail(false, false);
        REQUIRE(world.works_again());
        CHECK(store.recoveries >= 1);
        CHECK(store.all<Reserve>().size() == 1);
    }
}

// --- a journal that fails

TEST_CASE("a journal that can't be written refuses calls, keeps what was used, and goes on by itself", "[writer]") {
    TemporaryFolder folder;
    FakeStore store;
    World world(store, {.journal_folder = folder.file("journals"), .page_time = std::chrono::hours(1)});
    REQUIRE(world.start());
    auto const before = world.call();
    REQUIRE(world.durable(*before));
    {
        NoLargerFiles const limit(0);
        before->settle(ended());
        auto const during = world.call();
        auto const recorded = world.recorded(*during);
        REQUIRE_FALSE(recorded);
        CHECK(recorded.error().kind == ErrorKind::ledger_unavailable);
        CHECK(world.writer.status().failing);
        CHECK_FALSE(world.takes_calls());
    }
    REQUIRE(world.works_again());
    auto const after = world.call();
    REQUIRE(world.durable(*after));
    after->settle(ended());
    REQUIRE(world.close());
    std::map<std::int64_t, NanoUsd> costs;
    for (auto const& each : store.all<Settle>()) costs[each.id.number] = each.end.cost;
    CHECK(costs == std::map<std::int64_t, NanoUsd>{{1, {3'000}}, {2, {0}}, {3, {3'000}}});
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

// --- on a real file

TEST_CASE("on SQLite, a writer's calls add up, and those of one that died are recovered by the next",
          "[writer][store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    {
        World world(*store);
        REQUIRE(world.start());
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
    REQUIRE(next.start());
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

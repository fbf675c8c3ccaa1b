#include <catch2/catch.hpp>
#include <deque>
#include <optional>

#include "server/upstream/pool.hpp"

/// Who gets a slot, and when. The worker is driven by hand: no thread, no socket, no sleep.
namespace sluice::upstream {
namespace {

struct Asker {
    std::optional<Pool::Slot> slot;
    std::optional<ErrorKind> refused;
    Cancellation cancellation;
};

Task<> ask(Pool& pool, PoolSettings const& settings, std::uint64_t share, Asker& asker) {
    auto slot = co_await pool.slot(settings, share, asker.cancellation);
    if (slot) {
        asker.slot = std::move(*slot);
    } else {
        asker.refused = slot.error().kind;
    }
}

struct Fixture {
    net::Worker worker{0};
    std::shared_ptr<Pool> pool = std::make_shared<Pool>(worker, Origin{}, std::nullopt);
    PoolSettings settings{.max_open = 2, .max_waiting = 2, .max_wait = milliseconds(1'000)};
    std::uint64_t share = 1;

    std::deque<Asker> askers;  // go after the worker has ended those who still wait

    ~Fixture() { worker.end(); }
    Fixture() = default;
    Fixture(Fixture const&) = delete;
    Fixture& operator=(Fixture const&) = delete;

    void request(Asker& asker) {
        announce(asker);
        run();
    }
    /// Its turn comes with the next run().
    void announce(Asker& asker) {
        spawn(ask(*pool, settings, share, asker), [](std::exception_ptr bug) {
            if (bug) std::rethrow_exception(bug);
        });
    }
    Asker& asker() { return askers.emplace_back(); }
    void run() { worker.poll(); }
};

TEST_CASE("as many slots as the provider allows, shared by the workers, but at least one", "[pool]") {
    struct Row {
        std::uint64_t max_open;
        std::uint64_t workers;
        int granted;
    };
    auto const row = GENERATE(Row{2, 1, 2}, Row{4, 2, 2}, Row{3, 2, 1}, Row{1, 4, 1});
    CAPTURE(row.max_open, row.workers);
    Fixture f;
    f.settings.max_open = row.max_open;
    f.settings.max_waiting = 0;
    f.share = row.workers;
    int granted = 0;
    for (int i = 0; i < 5; ++i) {
        auto& one = f.asker();
        f.request(one);
        if (one.slot) ++granted;
        if (!one.slot) CHECK(one.refused == ErrorKind::overloaded);
    }
    CHECK(granted == row.granted);
}

TEST_CASE("a freed slot goes to who has waited longest, and nobody passes", "[pool]") {
    Fixture f;
    f.settings.max_open = 1;
    auto& holder = f.asker();
    auto& first = f.asker();
    auto& second = f.asker();
    auto& late = f.asker();
    f.request(holder);
    f.request(first);
    f.request(second);
    REQUIRE(holder.slot);
    CHECK_FALSE(first.slot);
    f.settings.max_waiting = 3;
    f.announce(late);  // comes between the slot's return and its grant
    holder.slot.reset();
    CHECK_FALSE(first.slot);  // not inside the destructor
    f.run();
    CHECK(first.slot);
    CHECK_FALSE(second.slot);
    CHECK_FALSE(late.slot);
    first.slot.reset();
    f.run();
    CHECK(second.slot);
    CHECK_FALSE(late.slot);
}

TEST_CASE("who waits in vain, or is cancelled, or finds the queue full, is refused and leaves no trace", "[pool]") {
    Fixture f;
    f.settings.max_open = 1;
    f.settings.max_waiting = 1;
    auto& holder = f.asker();
    auto& waiting = f.asker();
    f.request(holder);
    f.request(waiting);
    SECTION("the queue is full") {
        auto& more = f.asker();
        f.request(more);
        CHECK(more.refused == ErrorKind::overloaded);
        CHECK_FALSE(waiting.refused);
    }
    SECTION("the wait was too long") {
        f.worker.wheel().advance(f.worker.now() + milliseconds(1'100));
        CHECK(waiting.refused == ErrorKind::overloaded);
    }
    SECTION("cancelled") {
        waiting.cancellation.trigger(CancelReason::client_left);
        CHECK(waiting.refused == ErrorKind::client_closed);
    }
    holder.slot.reset();
    f.run();
    if (waiting.slot) waiting.slot.reset();
    f.run();
    auto& next = f.asker();
    f.request(next);
    CHECK(next.slot);
}

TEST_CASE("a pool is unused when nobody holds or awaits a slot", "[pool]") {
    Fixture f;
    CHECK(f.pool->unused());
    auto& holder = f.asker();
    f.request(holder);
    CHECK_FALSE(f.pool->unused());
    holder.slot.reset();
    f.run();
    CHECK(f.pool->unused());
}

}  // namespace
}  // namespace sluice::upstream

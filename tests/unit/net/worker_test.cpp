#include "server/net/worker.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "server/net/waiter.hpp"

/// The worker is driven by hand: no thread, no sleep.
namespace sluice::net {
namespace {

void run(Task<> task) {
    spawn(std::move(task), [](std::exception_ptr const& bug) {
        if (bug) std::rethrow_exception(bug);
    });
}

Task<> wait_for(Waiter& waiter, Instant until, std::vector<Wake>& woken) {
    woken.push_back(co_await waiter.wait(until));
}

Task<> sleep_for(Worker& worker, Cancellation& cancellation, std::vector<ErrorKind>& ends) {
    auto const slept = co_await worker.sleep(std::chrono::hours(1), cancellation);
    ends.push_back(slept ? ErrorKind::internal : slept.error().kind);
}

TEST_CASE("who waits is woken by its deadline, or by somebody, and then once", "[waiter]") {
    Worker worker(0);
    Waiter waiter(worker.wheel());
    std::vector<Wake> woken;
    auto const now = worker.now();
    SECTION("by the deadline") {
        run(wait_for(waiter, now + milliseconds(50), woken));
        worker.wheel().advance(now + milliseconds(40));
        CHECK(woken.empty());
        worker.wheel().advance(now + milliseconds(100));
        CHECK(woken == std::vector{Wake::expired});
    }
    SECTION("by somebody, before the deadline") {
        run(wait_for(waiter, now + milliseconds(50), woken));
        waiter.wake(Wake::ready);
        worker.wheel().advance(now + milliseconds(500));
        CHECK(woken == std::vector{Wake::ready});
    }
    SECTION("a wake that finds nobody is lost") {
        waiter.wake(Wake::ready);
        run(wait_for(waiter, now + milliseconds(50), woken));
        CHECK(woken.empty());
        CHECK(waiter.waiting());
        waiter.wake(Wake::cancelled);
        CHECK(woken == std::vector{Wake::cancelled});
    }
}

TEST_CASE("a sleep ends when its request is cancelled, with the reason", "[worker]") {
    auto const [reason, kind] =
        GENERATE(table<CancelReason, ErrorKind>({{CancelReason::client_left, ErrorKind::client_closed},
                                                 {CancelReason::server_shutdown, ErrorKind::server_shutdown}}));
    Worker worker(0);
    Cancellation cancellation;
    std::vector<ErrorKind> ends;
    SECTION("while it sleeps") {
        run(sleep_for(worker, cancellation, ends));
        CHECK(ends.empty());
        cancellation.trigger(reason);
    }
    SECTION("before it sleeps") {
        cancellation.trigger(reason);
        run(sleep_for(worker, cancellation, ends));
    }
    CHECK(ends == std::vector{kind});
}

struct Witness {
    explicit Witness(int& count) : ends(count) {}
    Witness(Witness const&) = delete;
    Witness& operator=(Witness const&) = delete;
    ~Witness() { ++ends; }
    int& ends;
};

Task<> wait_without_end(Worker& worker, int& ends) {
    Witness const witness(ends);
    Waiter waiter(worker.wheel());
    for (int i = 0; i < 3; ++i) std::ignore = co_await waiter.wait(never);
}

TEST_CASE("a worker that ends runs every coroutine that waits to its end", "[worker]") {
    int ends = 0;
    Worker worker(0);
    for (int i = 0; i < 10; ++i) run(wait_without_end(worker, ends));
    CHECK(ends == 0);
    worker.end();
    CHECK(ends == 10);
}

TEST_CASE("two workers draw different numbers, all in [0, 1)", "[worker]") {
    Worker one(0);
    Worker two(1);
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1'000; ++i) {
        seen.insert(one.random_bits());
        seen.insert(two.random_bits());
        auto const number = one.random();
        CHECK((number >= 0 && number < 1));
    }
    CHECK(seen.size() == 2'000);
}

}  // namespace
}  // namespace sluice::net

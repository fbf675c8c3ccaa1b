#include "server/store/lease_broker.hpp"

#include <csignal>

#include <catch2/catch.hpp>
#include <random>

#include "lease_world.hpp"

using namespace sluice;
using namespace sluice::store;
using namespace sluice::store::lease_world;

namespace {

struct World {
    FakeLedger ledger{};
    Payer payer = somebody();
    std::vector<std::unique_ptr<Line>> lines{};
    std::vector<std::unique_ptr<Replica>> replicas{};

    explicit World(Limit const& limit, std::size_t count = 3, WithoutRedis without_redis = WithoutRedis::refuse) {
        for (std::size_t i = 0; i < count; ++i) {
            lines.push_back(std::make_unique<Line>());
            replicas.push_back(std::make_unique<Replica>(ledger, payer, limit, lines.back()->url(), without_redis));
        }
        for (auto const& replica : replicas) wait_until_shared(*replica, 10s);
    }
    static void wait_until_shared(Replica const& replica, std::chrono::milliseconds at_most) {
        wait_for(replica, LeaseState::shared, at_most);
    }
    static void wait_for(Replica const& replica, LeaseState state, std::chrono::milliseconds at_most) {
        auto const until = std::chrono::steady_clock::now() + at_most;
        while (replica.broker->state() != state && std::chrono::steady_clock::now() < until) pause(10ms);
        REQUIRE(replica.broker->state() == state);
    }

    /// Calls from `threads` threads of each replica until `until`, or until nothing is left.
    template <class Enough>
    void spend(Oracle& oracle, int threads, std::int64_t most, Enough enough) {
        std::vector<std::thread> all;
        for (auto const& replica : replicas) {
            for (int i = 0; i < threads; ++i) {
                all.emplace_back([&replica, &oracle, most, enough] {
                    std::mt19937 random{std::random_device{}()};
                    while (!enough()) {
                        auto const cost = static_cast<std::int64_t>(random() % static_cast<unsigned long>(most + 1));
                        replica->call(oracle, most, cost, std::chrono::milliseconds(random() % 3));
                    }
                });
            }
        }
        for (auto& thread : all) thread.join();
    }

    /// What is left, one call after the other, by one replica; how much could be used.
    std::int64_t spend_the_rest(Oracle& oracle, Replica& replica, std::int64_t most) {
        while (replica.call(oracle, most, most, 0ms, 1500ms)) {
        }
        return ledger.settled(payer);
    }
};

auto for_a_while(std::chrono::milliseconds time) {
    return [until = std::chrono::steady_clock::now() + time] { return std::chrono::steady_clock::now() >= until; };
}

void flush_redis() {
    auto client = RedisClient::make(redis()).value();
    REQUIRE(client->run(RedisCommand{"FLUSHALL"}));
}

}  // namespace

TEST_CASE("three replicas never use more than a limit, and nearly all of it", "[leases]") {
    constexpr std::int64_t most = 1'000'000;
    World world(budget(most));
    Oracle oracle(most);
    world.spend(oracle, 4, 1'000, for_a_while(2500ms));
    CHECK(oracle.overspent() == 0);
    auto const used = world.spend_the_rest(oracle, *world.replicas[1], 1'000);
    CHECK(oracle.overspent() == 0);
    WARN(oracle.admitted() << " admitted; " << used << " of " << most << " used");
    CHECK(used >= most / 1'000 * 999);
    CHECK(used <= most);
}

TEST_CASE("of a thousand requests at once exactly as many are admitted as fit", "[leases]") {
    constexpr std::int64_t worst_case = 1'000'003;
    World world(budget(100 * worst_case));
    Oracle oracle(100 * worst_case);
    std::vector<std::thread> clients;
    std::mutex mutex;
    std::vector<Permit> permits;
    for (int i = 0; i < 1'000; ++i) {
        auto& replica = *world.replicas[static_cast<std::size_t>(i) % 3];
        clients.emplace_back([&] {
            auto permit = replica.reserve(worst_case, 1000ms);
            if (!permit) return;
            oracle.reserved(worst_case);
            std::lock_guard const lock(mutex);
            permits.push_back(std::move(*permit));
        });
    }
    for (auto& client : clients) client.join();
    CHECK(oracle.overspent() == 0);
    CHECK(oracle.admitted() == 100);
}

TEST_CASE("what comes back is never given twice, however many lack it", "[leases]") {
    constexpr std::int64_t most = 4'000;
    World world(budget(most));
    Oracle oracle(most);
    std::vector<std::thread> clients;
    for (auto const& line : world.lines) line->delay(10ms);
    auto const enough = for_a_while(3000ms);
    for (int i = 0; i < 24; ++i) {
        auto& replica = *world.replicas[static_cast<std::size_t>(i) % 3];
        clients.emplace_back([&] {
            std::mt19937 random{std::random_device{}()};
            while (!enough()) {
                replica.call(oracle, 1'000, 0, std::chrono::milliseconds(random() % 3));
                pause(std::chrono::milliseconds(random() % 5));  // so that replicas often have some to return
            }
        });
    }
    for (auto& client : clients) client.join();
    CHECK(oracle.overspent() == 0);
    WARN(oracle.admitted() << " admitted");
    CHECK(oracle.admitted() > 300);
}

TEST_CASE("what one replica does not use another one can", "[leases]") {
    World world(budget(1'000));
    Oracle oracle(1'000);
    REQUIRE(world.replicas[0]->call(oracle, 900, 100, 0ms, 1000ms));
    CHECK(world.replicas[1]->call(oracle, 900, 900, 0ms, 500ms));
    CHECK_FALSE(world.replicas[2]->call(oracle, 1, 1, 0ms, 300ms));
}

TEST_CASE("a limit is used up once replicas have settled it, in use while they may give some back", "[leases]") {
    World world(budget(1'000));
    Oracle oracle(1'000);
    auto& third = *world.replicas[2];
    REQUIRE(world.replicas[0]->call(oracle, 300, 300, 0ms, 1000ms));
    {
        auto const held = world.replicas[1]->reserve(700, 1000ms);
        REQUIRE(held);
        CHECK(third.refused_as(1, 500ms) == Refused::in_use);
    }
    REQUIRE(world.replicas[1]->call(oracle, 700, 650, 0ms, 1000ms));
    CHECK(third.refused_as(51, 3s) == Refused::used_up);
    REQUIRE(third.call(oracle, 50, 50, 0ms, 500ms));
    for (auto const& replica : world.replicas) CHECK(replica->refused_as(1, 3s) == Refused::used_up);
    pause(3500ms);  // longer than is believed without asking again
    CHECK(world.replicas[0]->refused_as(1, 3s) == Refused::used_up);
}

TEST_CASE("of a lost replica only what it has settled is used up", "[leases]") {
    World world(budget(1'000));
    Oracle oracle(1'000);
    auto& lost = *world.replicas[0];
    REQUIRE(lost.call(oracle, 500, 500, 0ms, 1000ms));
    auto const open = lost.reserve(500, 1000ms);
    REQUIRE(open);
    auto const line = world.ledger.reserve(lost.epoch, lost.payer, 500);
    CHECK(world.replicas[1]->refused_as(1, 500ms) == Refused::in_use);
    world.lines[0]->cut(true);
    pause(4500ms);  // others have taken over
    CHECK(world.replicas[1]->refused_as(1, 500ms) == Refused::in_use);
    world.ledger.settle(line, 500, wall());  // recovered
    world.ledger.gone(lost.epoch);
    pause(2500ms);
    CHECK(world.replicas[1]->refused_as(1, 3s) == Refused::used_up);
}

TEST_CASE("what a replica used before it had a limit counts in it", "[leases]") {
    FakeLedger ledger;
    auto const payer = somebody();
    Replica old(ledger, payer, budget(1'000), redis()), other(ledger, payer, budget(1'000), redis());
    for (auto* const replica : {&old, &other}) World::wait_until_shared(*replica, 10s);
    ledger.settle(ledger.reserve(old.epoch, payer, 600), 600, wall());
    Oracle oracle(400);
    SECTION("and it is the first to use it") {
        CHECK(old.call(oracle, 100, 100, 0ms, 1000ms));
        CHECK(other.refused_as(301, 3s) == Refused::used_up);
        CHECK(other.call(oracle, 300, 300, 0ms, 1000ms));
    }
    SECTION("and another one is") {
        CHECK(other.call(oracle, 300, 300, 0ms, 1000ms));
        CHECK(old.call(oracle, 100, 100, 0ms, 1000ms));
    }
    CHECK(old.refused_as(1, 3s) == Refused::used_up);
    CHECK(other.refused_as(1, 3s) == Refused::used_up);
}

TEST_CASE("what a rolling limit forgets comes back, also from a replica that is idle", "[leases]") {
    World world({.of = Resource::money, .most = 1'000, .per = {LimitPeriod::Kind::rolling, 4s}}, 2);
    Oracle oracle(1'000);
    REQUIRE(world.replicas[0]->call(oracle, 900, 900, 0ms, 1000ms));
    CHECK(world.replicas[1]->refused_as(900, 3s) == Refused::used_up);
    oracle.returned(900);
    auto const enough = for_a_while(9s);  // what is forgotten is told every second, what was told believed for three
    bool is_back = false;
    while (!is_back && !enough()) is_back = world.replicas[1]->call(oracle, 900, 900, 10ms, 1000ms);
    CHECK(is_back);
}

TEST_CASE("counters that Redis lost are rebuilt from the ledger, exactly, within five seconds", "[leases]") {
    constexpr std::int64_t most = 1'000'000;
    World world(budget(most));
    Oracle oracle(most);
    std::atomic<std::int64_t> recovered_after = -1;
    std::thread accident([&] {
        pause(500ms);
        auto const before = std::chrono::steady_clock::now();
        flush_redis();
        pause(700ms);  // by now what was granted before is void
        while (world.replicas[0]->broker->state() != LeaseState::shared || !world.replicas[0]->reserve(1)) pause(5ms);
        recovered_after = (std::chrono::steady_clock::now() - before) / 1ms;
    });
    world.spend(oracle, 3, 200, for_a_while(6500ms));
    accident.join();
    WARN("recovered after " << recovered_after << " ms");
    CHECK(recovered_after <= 5'000);
    CHECK(oracle.overspent() == 0);
    auto const used = world.spend_the_rest(oracle, *world.replicas[2], 500);
    CHECK(oracle.overspent() == 0);
    WARN(used << " of " << most << " used");
    CHECK(used >= most / 1'000 * 999);
    CHECK(used <= most);
}

TEST_CASE("a replica that does not hear of the lost counters stops before others count anew", "[leases]") {
    constexpr std::int64_t most = 100'000;
    World world(budget(most));
    Oracle oracle(most);
    // It has a good deal of it, and goes on using that.
    REQUIRE(world.replicas[0]->call(oracle, 40'000, 10, 0ms, 1000ms));
    world.lines[0]->cut(true);
    flush_redis();
    std::thread others([&] { world.replicas[1]->call(oracle, 65'000, 65'000, 0ms, 6000ms); });
    auto const enough = for_a_while(6500ms);
    while (!enough()) {
        world.replicas[0]->call(oracle, 2'000, 2'000, 50ms, 0ms);
        pause(50ms);
    }
    others.join();
    CHECK(oracle.overspent() == 0);
    world.lines[0]->cut(false);
    World::wait_until_shared(*world.replicas[0], 2s);
    auto const used = world.spend_the_rest(oracle, *world.replicas[0], 100);
    CHECK(oracle.overspent() == 0);
    CHECK(used >= most / 1'000 * 999);
}

TEST_CASE("a replica that is cut off uses no more than it has, and what it had comes back", "[leases]") {
    constexpr std::int64_t most = 200'000;
    World world(budget(most));
    Oracle oracle(most);
    std::thread accident([&] {
        pause(300ms);
        world.lines[0]->cut(true);
        pause(5500ms);
        world.lines[0]->cut(false);
    });
    world.spend(oracle, 3, 100, for_a_while(7500ms));
    accident.join();
    CHECK(oracle.overspent() == 0);
    World::wait_until_shared(*world.replicas[0], 2s);
    auto const used = world.spend_the_rest(oracle, *world.replicas[0], 100);
    CHECK(oracle.overspent() == 0);
    WARN(used << " of " << most << " used");
    CHECK(used >= most / 1'000 * 999);
    CHECK(used <= most);
}

TEST_CASE("what a lost replica had borrowed comes back, but for what the ledger says it used", "[leases]") {
    constexpr std::int64_t most = 100'000;
    World world(budget(most));
    Oracle oracle(most);
    auto& lost = *world.replicas[0];
    REQUIRE(lost.call(oracle, 30'000, 5'000, 0ms, 1000ms));
    auto const open = lost.reserve(20'000, 1000ms);
    REQUIRE(open);
    auto const line = world.ledger.reserve(lost.epoch, lost.payer, 20'000);
    world.lines[0]->cut(true);
    CHECK(world.replicas[1]->call(oracle, 60'000, 60'000, 0ms, 4500ms));
    CHECK_FALSE(world.replicas[1]->call(oracle, 20'000, 20'000, 0ms, 300ms));
    world.ledger.settle(line, 20'000, wall());  // recovered
    world.ledger.gone(lost.epoch);
    CHECK(world.replicas[1]->call(oracle, 15'000, 15'000, 0ms, 4500ms));
    CHECK_FALSE(world.replicas[2]->call(oracle, 1, 1, 0ms, 300ms));
}

TEST_CASE("while Redis stands still nothing is given for longer than leases last, and then it goes on", "[leases]") {
    constexpr std::int64_t most = 1'000'000;
    World world(budget(most));
    Oracle oracle(most);
    auto const redis_process = std::stoi(std::getenv("SLUICE_TEST_REDIS_PID"));
    std::thread accident([&] {
        pause(300ms);
        ::kill(redis_process, SIGSTOP);
        pause(5000ms);
        for (auto const& replica : world.replicas) {
            CHECK(replica->broker->state() == LeaseState::closed);
            CHECK_FALSE(replica->reserve(1, 0ms));
        }
        ::kill(redis_process, SIGCONT);
    });
    world.spend(oracle, 3, 200, for_a_while(7000ms));
    accident.join();
    CHECK(oracle.overspent() == 0);
    for (auto const& replica : world.replicas) World::wait_until_shared(*replica, 1s);
    auto const used = world.spend_the_rest(oracle, *world.replicas[2], 500);
    CHECK(oracle.overspent() == 0);
    CHECK(used >= most / 1'000 * 999);
}

TEST_CASE("a replica that was taken for dead comes back, and others do not notice", "[leases]") {
    World world(budget(1'000'000));
    Oracle oracle(1'000'000);
    auto& lost = *world.replicas[0];
    REQUIRE(world.replicas[1]->call(oracle, 1'000, 1'000, 0ms, 1000ms));
    SECTION("it held nothing") {}
    SECTION("what it had is settled") {
        REQUIRE(lost.call(oracle, 1'000, 1'000, 0ms, 1000ms));
        world.ledger.gone(lost.epoch);
    }
    world.lines[0]->cut(true);
    pause(5s);
    world.lines[0]->cut(false);
    auto const enough = for_a_while(2s);
    while (!enough()) CHECK(world.replicas[1]->call(oracle, 1'000, 1'000, 20ms, 300ms));
    CHECK(lost.call(oracle, 1'000, 1'000, 0ms, 500ms));
}

TEST_CASE("a replica that may goes on alone without Redis, and says afterwards what it used", "[leases]") {
    World world(budget(1'000), 2, WithoutRedis::alone);
    Oracle oracle(1'000);
    auto &cut_off = *world.replicas[0], &other = *world.replicas[1];
    world.lines[0]->cut(true);
    World::wait_for(cut_off, LeaseState::alone, 5s);
    REQUIRE(cut_off.call(oracle, 600, 600, 0ms, 0ms));
    REQUIRE(other.call(oracle, 300, 300, 0ms, 1000ms));
    world.lines[0]->cut(false);
    World::wait_until_shared(cut_off, 2s);
    CHECK(other.refused_as(101, 3s) == Refused::used_up);
    CHECK(other.call(oracle, 100, 100, 0ms, 1000ms));
    CHECK(cut_off.refused_as(1, 3s) == Refused::used_up);
    CHECK(oracle.overspent() == 0);
}

TEST_CASE("replicas that count alone may each use the whole limit; afterwards it is used up for all", "[leases]") {
    World world(budget(1'000), 2, WithoutRedis::alone);
    Oracle oracle(2'000);
    for (auto const& line : world.lines) line->cut(true);
    for (auto const& replica : world.replicas) {
        World::wait_for(*replica, LeaseState::alone, 5s);
        CHECK(replica->call(oracle, 900, 900, 0ms, 0ms));
        CHECK(replica->refused_as(101, 0ms) == Refused::used_up);
    }
    for (auto const& line : world.lines) line->cut(false);
    for (auto const& replica : world.replicas) World::wait_until_shared(*replica, 2s);
    for (auto const& replica : world.replicas) CHECK(replica->refused_as(1, 3s) == Refused::used_up);
}

TEST_CASE("each window has its own, also for what was reserved in the one before", "[leases]") {
    constexpr std::int64_t most = 20'000;
    World world({.of = Resource::money, .most = most, .per = {LimitPeriod::Kind::aligned, 2s}});
    std::mutex mutex;
    std::map<std::int64_t, std::int64_t> used;  // by window
    std::vector<std::thread> clients;
    auto const enough = for_a_while(7s);
    for (int i = 0; i < 9; ++i) {
        auto& replica = *world.replicas[static_cast<std::size_t>(i) % 3];
        clients.emplace_back([&] {
            std::mt19937 random{std::random_device{}()};
            while (!enough()) {
                auto permit = replica.reserve(500);
                if (!permit) {
                    pause(10ms);
                    continue;
                }
                pause(std::chrono::milliseconds(random() % 300));
                Amounts cost;
                cost[Resource::money] = 500;
                std::lock_guard const lock(mutex);
                auto const at = wall();
                used[at.time_since_epoch().count() / 2000] += 500;
                permit->settle(cost, at);
            }
        });
    }
    for (auto& client : clients) client.join();
    REQUIRE(used.size() >= 3);
    for (auto const& [window, amount] : used) {
        CAPTURE(window);
        CHECK(amount <= most);
    }
    // Not the first and the last, which were cut short.
    for (auto at = std::next(used.begin()); at != std::prev(used.end()); ++at) CHECK(at->second >= most - 500);
}

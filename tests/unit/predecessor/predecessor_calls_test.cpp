#include "server/predecessor_calls.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "tests/unit/store/ledger_samples.hpp"

using namespace sluice;
using namespace sluice::store::testing;
using std::chrono::hours;
using std::chrono::seconds;
using store::Raise;

namespace {

constexpr std::int64_t old_epoch = 7, new_epoch = 8;
constexpr std::int64_t budget = 20'000;

/// A process with a store and a LimitBook of its own.
struct Side {
    Side(TemporaryFolder const& folder, std::int64_t its_epoch) : epoch(its_epoch), store(opened(folder)) {
        beat(noon());
    }

    void beat(WallTime when) const { REQUIRE(store->heartbeat(epoch, when)); }
    void write(std::vector<store::LedgerEvent> const& events) const { REQUIRE(store->append(events)); }
    void configure() {
        limits.configure({{.kind = PayerKind::key,
                           .name = "k_search",
                           .limits = {{.most = budget, .per = {.kind = LimitPeriod::Kind::day}},
                                      {.of = Resource::requests, .most = 100}}}});
    }
    /// As a process does that starts.
    void begin(WallTime now = noon()) {
        configure();
        auto const sums = others.begin(WallTime{}, now);
        REQUIRE(sums);
        for (auto const& sum : *sums) limits.restore(sum.payer, sum.hour, sum.used, now);
        limits.restored();
    }
    void look(WallTime now = noon()) { REQUIRE(others.look(now)); }
    LimitStatus status(Resource of = Resource::money) {
        for (auto const& each : limits.statuses(noon())) {
            if (each.limit.of == of) return each;
        }
        return {};
    }
    bool holds(std::int64_t reserved, std::int64_t settled) {
        auto const found = status();
        CAPTURE(found.reserved, found.settled);
        CHECK(found.reserved == reserved);
        CHECK(found.settled == settled);
        return found.reserved == reserved && found.settled == settled;
    }

    std::int64_t epoch;
    std::unique_ptr<store::Store> store;
    LimitBook limits{};
    PredecessorCalls others{*store, epoch, limits};
};

/// An old process that has settled a call, and has two open; and its successor.
struct Upgrade {
    Upgrade() {
        before.write({reserve({old_epoch, 1}), settle({old_epoch, 1}), reserve({old_epoch, 2}), reserve({old_epoch, 3}),
                      Raise{{old_epoch, 3}, noon(), {6'000}}});
        after.begin();
    }
    TemporaryFolder folder{};
    Side before{folder, old_epoch};
    Side after{folder, new_epoch};
};

}  // namespace

TEST_CASE("a successor counts what its predecessor has settled, and what it still holds", "[upgrade]") {
    Upgrade upgrade;
    CHECK(upgrade.after.holds(11'000, 3'000));
    CHECK(upgrade.after.status(Resource::requests).reserved == 2);
    CHECK(upgrade.after.status(Resource::requests).settled == 1);
    CHECK_FALSE(upgrade.after.others.is_alone());
    upgrade.after.look();
    CHECK(upgrade.after.holds(11'000, 3'000));  // nothing twice
}

TEST_CASE("a call that ends on the other side costs what it cost, and gives the rest back", "[upgrade]") {
    Upgrade upgrade;
    upgrade.before.write({settle({old_epoch, 2}, noon(), {1'000})});
    upgrade.after.look();
    CHECK(upgrade.after.holds(6'000, 4'000));
    upgrade.before.write({settle({old_epoch, 3}, noon(), {9'000})});  // more than it had reserved
    upgrade.after.look();
    upgrade.after.look();
    CHECK(upgrade.after.holds(0, 13'000));
    CHECK(upgrade.after.status(Resource::requests).settled == 3);
}

TEST_CASE("a call that reserves more on the other side holds more", "[upgrade]") {
    Upgrade upgrade;
    upgrade.before.write({Raise{{old_epoch, 2}, noon(), {7'000}}});
    upgrade.after.look();
    CHECK(upgrade.after.holds(13'000, 3'000));
}

TEST_CASE("calls that begin on the other side are held, also those that ended between two looks", "[upgrade]") {
    Upgrade upgrade;
    upgrade.before.write({reserve({old_epoch, 5}), reserve({old_epoch, 6}), settle({old_epoch, 6}, noon(), {500})});
    upgrade.after.look();
    CHECK(upgrade.after.holds(16'000, 3'500));
    upgrade.before.write(
        {reserve({old_epoch, 4}), settle({old_epoch, 4}, noon(), {200})});  // drawn first, written last
    upgrade.after.look();
    CHECK(upgrade.after.holds(16'000, 3'700));
}

TEST_CASE("what others hold beyond the limit closes it", "[upgrade]") {
    Upgrade upgrade;
    upgrade.before.write({reserve({old_epoch, 4}, noon(), {15'000})});
    upgrade.after.look();
    CHECK(upgrade.after.holds(26'000, 3'000));
    Amounts least;
    least[Resource::money] = 1;
    auto const key = upgrade.after.limits.find(search_key);
    CHECK_FALSE(upgrade.after.limits.reserve({key}, least, noon()));
    CHECK(upgrade.after.limits.room({key}, Resource::money, noon()) == 0);
}

TEST_CASE("the predecessor counts what its successor does", "[upgrade]") {
    TemporaryFolder folder;
    Side before(folder, old_epoch);
    before.begin();
    before.look();
    CHECK(before.others.is_alone());
    Side after(folder, new_epoch);
    after.begin();
    after.write({reserve({new_epoch, 1}), reserve({new_epoch, 2}), settle({new_epoch, 2}, noon(), {900})});
    before.look();
    CHECK(before.holds(5'000, 900));
    CHECK_FALSE(before.others.is_alone());
}

TEST_CASE("a process's own calls are not others'", "[upgrade]") {
    Upgrade upgrade;
    upgrade.after.write({reserve({new_epoch, 1})});
    upgrade.after.look();
    CHECK(upgrade.after.holds(11'000, 3'000));
}

TEST_CASE("the last lines of a process that ends are read", "[upgrade]") {
    Upgrade upgrade;
    upgrade.before.write({settle({old_epoch, 2}), settle({old_epoch, 3}), reserve({old_epoch, 4}),
                          settle({old_epoch, 4}, noon(), {100})});
    upgrade.before.beat(WallTime{});
    upgrade.after.look();
    CHECK(upgrade.after.holds(0, 9'100));
    CHECK(upgrade.after.others.is_alone());
}

TEST_CASE("calls of a process that is gone are held until they are recovered", "[upgrade]") {
    Upgrade upgrade;
    auto const later = noon(seconds(60));
    upgrade.after.look(later);
    CHECK(upgrade.after.holds(11'000, 3'000));
    CHECK(upgrade.after.store->recover(new_epoch, later, seconds(5)).value() == 2);
    upgrade.after.look(later);
    CHECK(upgrade.after.holds(0, 14'000));
    CHECK(upgrade.after.others.is_alone());
}

TEST_CASE("calls under way count in limits that are configured meanwhile", "[upgrade]") {
    Upgrade upgrade;
    upgrade.after.limits.configure({{.kind = PayerKind::team, .name = "search", .limits = {{.most = budget}}}});
    upgrade.after.others.hold_anew(noon());
    CHECK(upgrade.after.holds(11'000, 0));  // the team's
    upgrade.before.write({settle({old_epoch, 2}, noon(), {1'000})});
    upgrade.after.look();
    CHECK(upgrade.after.holds(6'000, 1'000));
}

TEST_CASE("before it has begun, a look does nothing", "[upgrade]") {
    TemporaryFolder folder;
    Side before(folder, old_epoch);
    Side after(folder, new_epoch);
    after.configure();
    before.write({reserve({old_epoch, 1})});
    after.look();
    CHECK(after.holds(0, 0));
}

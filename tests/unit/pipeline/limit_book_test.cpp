#include <limits>
#include <memory>

#include "tests/unit/pipeline/limit_book_fixture.hpp"

using namespace sluice;
using namespace sluice::limit_tests;

// --- reserving and settling

TEST_CASE("what is reserved and settled never passes the limit", "[limits]") {
    auto book = ann_with(money(100));
    auto first = book.take(ann, usd(60));
    CHECK(book.gives(ann, usd(40)));
    CHECK_FALSE(book.gives(ann, usd(41)));
    first.settle(usd(30), now);
    CHECK(book.gives(ann, usd(70)));
    CHECK_FALSE(book.gives(ann, usd(71)));
}

TEST_CASE("a permit gives back what it held, however it ends", "[limits]") {
    auto book = ann_with(money(100));
    auto permit = std::make_unique<Permit>(book.take(ann, usd(100)));
    CHECK_FALSE(book.gives(ann, usd(1)));
    SECTION("destroyed") { permit.reset(); }
    SECTION("settled for nothing") { permit->settle({}, now); }
    SECTION("another assigned to it") { *permit = Permit(); }
    SECTION("moved on, then destroyed") { Permit const moved(std::move(*permit)); }
    CHECK(book.gives(ann, usd(100)));
    CHECK(book.status(ann).reserved == 0);
}

TEST_CASE("a permit that was moved from, or settled, does nothing more", "[limits]") {
    auto book = ann_with(money(100));
    auto first = book.take(ann, usd(40));
    auto second = std::move(first);
    first.settle(usd(99), now);
    first = Permit();
    CHECK(book.status(ann).reserved == 40);
    second.settle(usd(10), now);
    second.settle(usd(10), now);
    CHECK(book.status(ann).settled == 10);
    CHECK(book.status(ann).reserved == 0);
}

TEST_CASE("all accounts give, or none", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100)}}, {PayerKind::team, "search", {money(50)}}});
    auto const refused = book.reserve(book.of({ann, team}), usd(60), now);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().payer == team);
    CHECK(refused.error().room == 50);
    CHECK(book.status(ann).reserved == 0);
    auto const permit = book.reserve(book.of({ann, team}), usd(50), now);
    CHECK(permit.has_value());
    CHECK(book.status(ann).reserved == 50);
    CHECK(book.status(team).reserved == 50);
}

TEST_CASE("all resources are given, or none", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100), requests(1)}}});
    Amounts both = usd(10);
    both[Resource::requests] = 2;
    CHECK_FALSE(book.reserve(book.of({ann}), both, now).has_value());
    CHECK(book.status(ann).reserved == 0);
}

TEST_CASE("growing reserves more, of all accounts or of none", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100)}}, {PayerKind::team, "search", {money(80)}}});
    auto permit = book.reserve(book.of({ann, team}), usd(50), now);
    REQUIRE(permit.has_value());
    CHECK(permit->grow(usd(30), now).has_value());
    CHECK(permit->amounts() == usd(80));
    auto const refused = permit->grow(usd(1), now);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().payer == team);
    CHECK(permit->amounts() == usd(80));
    CHECK(book.status(ann).reserved == 80);
    permit->settle(usd(5), now);
    CHECK(book.status(ann).reserved == 0);
    CHECK(book.status(team).settled == 5);
}

TEST_CASE("settling more than was reserved counts in full, and closes the limit", "[limits]") {
    auto book = ann_with(money(100));
    book.take(ann, usd(90)).settle(usd(130), now);
    CHECK(book.status(ann).settled == 130);
    CHECK(book.refusal(ann, usd(1)).room == 0);
    CHECK(book.gives(ann, {}));
    CHECK(book.gives(ann, usd(100), now + days(1)));
}

TEST_CASE("an account without a limit on a resource gives any amount of it", "[limits]") {
    auto book = ann_with(requests(1));
    CHECK(book.gives(ann, usd(std::numeric_limits<std::int64_t>::max())));
    CHECK(book.gives(team, usd(1'000)));
    CHECK(book.room(book.of({ann, team}), Resource::money, now) == std::nullopt);
}

TEST_CASE("accounts that stand twice count once, and missing ones not at all", "[limits]") {
    auto book = ann_with(money(100));
    auto const permit = book.reserve(book.of({ann, team, ann}), usd(60), now);
    REQUIRE(permit.has_value());
    CHECK(book.status(ann).reserved == 60);
    CHECK(book.room(book.of({team, ann}), Resource::money, now) == 40);
}

TEST_CASE("negative amounts open no limit, and huge ones wrap nothing round", "[limits]") {
    auto const huge = std::numeric_limits<std::int64_t>::max();
    auto book = ann_with(money(100));
    auto permit = book.take(ann, usd(50));
    CHECK(permit.grow(usd(-40), now).has_value());
    CHECK(book.status(ann).reserved == 50);
    permit.settle(usd(-40), now);
    CHECK(book.status(ann).settled == 0);
    CHECK_FALSE(book.gives(ann, usd(huge)));
    book.use(ann, usd(huge));
    book.use(ann, usd(huge));
    CHECK(book.status(ann).settled == huge);
    CHECK_FALSE(book.gives(ann, usd(1)));

    auto unbounded = book.take(ann, of(Resource::tokens, huge));
    CHECK(unbounded.grow(of(Resource::tokens, huge), now).has_value());
    CHECK(unbounded.amounts()[Resource::tokens] == huge);
}

TEST_CASE("requests at a time are only held, never used up", "[limits]") {
    auto book = ann_with(at_a_time(2));
    auto const one = of(Resource::concurrent, 1);
    auto first = book.take(ann, one);
    auto const second = book.take(ann, one);
    auto const refusal = book.refusal(ann, one);
    CHECK(refusal.passing);
    CHECK_FALSE(refusal.retry_in);
    first.settle(one, now);
    CHECK(book.status(ann).settled == 0);
    CHECK(book.status(ann).reserved == 1);
    CHECK(book.gives(ann, one, now + days(400)));
}

// --- windows

TEST_CASE("a new window begins with nothing used, at its first moment", "[limits]") {
    auto const [period, end] = GENERATE(table<LimitPeriod, WallTime>({
        {daily, at(2026, 11, 26) - milliseconds(1)},
        {{.kind = Kind::week}, at(2026, 11, 30) - milliseconds(1)},
        {monthly, at(2026, 12, 1) - milliseconds(1)},
        {each_minute, now + minutes(1) - milliseconds(1)},
    }));
    auto book = ann_with(money(100, period));
    book.use(ann, usd(100));
    CHECK_FALSE(book.gives(ann, usd(1), end));
    CHECK(book.gives(ann, usd(100), end + milliseconds(1)));
}

TEST_CASE("a total never begins again", "[limits]") {
    auto book = ann_with(money(100, for_ever));
    book.use(ann, usd(100));
    CHECK_FALSE(book.gives(ann, usd(1), now + years(50)));
}

TEST_CASE("what is reserved when a window ends is reserved in the next, and counts where it is settled", "[limits]") {
    auto book = ann_with(money(100));
    auto permit = book.take(ann, usd(70));
    book.use(ann, usd(30));
    auto const tomorrow = now + days(1);
    CHECK(book.gives(ann, usd(30), tomorrow));
    CHECK_FALSE(book.gives(ann, usd(31), tomorrow));
    permit.settle(usd(60), tomorrow);
    CHECK(book.status(ann, tomorrow).settled == 60);
    CHECK(book.status(ann, tomorrow).reserved == 0);
}

TEST_CASE("a clock that is set back opens no window again", "[limits]") {
    auto const period = GENERATE(daily, monthly, each_minute, last_hour);
    auto book = ann_with(money(100, period));
    book.use(ann, usd(100));
    CHECK_FALSE(book.gives(ann, usd(1), now - days(1)));
    CHECK_FALSE(book.gives(ann, usd(1), now - days(40)));
    book.use(ann, usd(1), now - days(1));
    CHECK(book.status(ann).settled == 101);
    CHECK_FALSE(book.gives(ann, usd(1)));
}

TEST_CASE("a clock that jumps ahead and back opens the later window once", "[limits]") {
    auto book = ann_with(money(100));
    book.use(ann, usd(100));
    book.use(ann, usd(100), now + days(1));
    CHECK_FALSE(book.gives(ann, usd(1), now));
    CHECK_FALSE(book.gives(ann, usd(1), now + days(1)));
    CHECK(book.gives(ann, usd(100), now + days(2)));
}

TEST_CASE("rolling use is forgotten when it is as old as the period, and not a moment earlier", "[limits]") {
    auto book = ann_with(money(100, last_hour));
    book.use(ann, usd(60), now);
    book.use(ann, usd(40), now + minutes(30));
    CHECK_FALSE(book.gives(ann, usd(1), now + hours(1)));
    CHECK(book.gives(ann, usd(60), now + hours(1) + minutes(1)));
    CHECK_FALSE(book.gives(ann, usd(61), now + hours(1) + minutes(30)));
    CHECK(book.gives(ann, usd(100), now + hours(1) + minutes(31)));
}

// --- refusals

TEST_CASE("a refusal says how long the limit stays used up", "[limits]") {
    auto const [period, wait] = GENERATE(table<LimitPeriod, std::optional<milliseconds>>({
        {daily, hours(14)},
        {monthly, hours(14) + days(5)},
        {each_minute, minutes(1)},
        {for_ever, std::nullopt},
        {last_hour, hours(1) + minutes(1)},
    }));
    auto book = ann_with(money(100, period));
    book.use(ann, usd(95));
    auto const refusal = book.refusal(ann, usd(10));
    CHECK(refusal.payer == ann);
    CHECK(refusal.limit == money(100, period));
    CHECK(refusal.room == 5);
    CHECK_FALSE(refusal.passing);
    CHECK(refusal.retry_in == wait);
}

TEST_CASE("a rolling limit is waited for until enough of it is forgotten for what is asked", "[limits]") {
    auto book = ann_with(money(100, last_hour));
    for (int i = 0; i < 10; ++i) book.use(ann, usd(10), now + minutes(i));
    auto const later = now + minutes(20);
    CHECK(book.refusal(ann, usd(1), later).retry_in == minutes(41));
    CHECK(book.refusal(ann, usd(10), later).retry_in == minutes(41));
    CHECK(book.refusal(ann, usd(11), later).retry_in == minutes(42));
    CHECK(book.refusal(ann, usd(100), later).retry_in == minutes(50));
}

TEST_CASE("what only others' reservations keep from being given is passing", "[limits]") {
    auto book = ann_with(money(100));
    book.use(ann, usd(50));
    auto const permit = book.take(ann, usd(30));
    auto const refusal = book.refusal(ann, usd(40));
    CHECK(refusal.passing);
    CHECK(refusal.room == 20);
    CHECK_FALSE(refusal.retry_in);
    CHECK_FALSE(book.refusal(ann, usd(51)).passing);
}

TEST_CASE("more than a limit ever gives is worth no wait", "[limits]") {
    auto const period = GENERATE(daily, last_hour);
    auto book = ann_with(money(100, period));
    auto const refusal = book.refusal(ann, usd(101));
    CHECK_FALSE(refusal.passing);
    CHECK_FALSE(refusal.retry_in);
}

TEST_CASE("of several limits in the way the one that stays longest is named", "[limits]") {
    Book book({{PayerKind::key, "ann", {requests(1), money(100, monthly), money(50, daily)}},
               {PayerKind::team, "search", {at_a_time(1)}}});
    auto const held = book.take(team, of(Resource::concurrent, 1));
    book.use(ann, usd(50));
    book.use(ann, of(Resource::requests, 1));
    Amounts all = usd(60);
    all[Resource::requests] = all[Resource::concurrent] = 1;
    auto ask = [&book, &all] { return book.reserve(book.of({ann, team}), all, now).error(); };
    CHECK(ask().limit == money(50, daily));  // 60 will never be given in a day
    all[Resource::money] = 50;
    CHECK(ask().retry_in == hours(14));
    all[Resource::money] = 0;
    CHECK(ask().retry_in == minutes(1));
    all[Resource::requests] = 0;
    CHECK(ask().passing);
    CHECK(ask().payer == team);
}

TEST_CASE("the wait is told in the time of who asks, also after the clock was set back", "[limits]") {
    auto book = ann_with(money(100));
    book.use(ann, usd(100));
    CHECK(book.refusal(ann, usd(1), now - hours(20)).retry_in == hours(34));
}

// --- looking without taking

TEST_CASE("what would be reserved is known without reserving it", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100), requests(2)}}, {PayerKind::team, "search", {money(50)}}});
    auto const accounts = book.of({ann, team, ann});
    CHECK(book.would_reserve(accounts, usd(50), now).has_value());
    CHECK(book.would_reserve(accounts, usd(50), now).has_value());
    auto const refused = book.would_reserve(accounts, usd(51), now);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().payer == team);
    CHECK(refused.error().room == 50);
    CHECK(book.status(ann).reserved == 0);
    CHECK(book.status(team).reserved == 0);
}

TEST_CASE("the limits of some accounts are shown without those of others", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100), requests(2)}},
               {PayerKind::key, "bob", {money(7)}},
               {PayerKind::team, "search", {money(50)}}});
    book.use(ann, usd(30));
    auto const held = book.take(team, usd(20));
    LimitAccounts accounts = book.of({ann, team, ann});
    accounts.push_back(nullptr);
    auto const statuses = book.statuses(accounts, now);
    REQUIRE(statuses.size() == 3);
    CHECK(statuses[0].payer == ann);
    CHECK(statuses[0].settled == 30);
    CHECK(statuses[1].limit == requests(2));
    CHECK(statuses[2].payer == team);
    CHECK(statuses[2].reserved == 20);
}

TEST_CASE("who only looks wants no lease", "[limits]") {
    auto book = ann_with(money(100));
    book.use_leases(true);
    auto const refused = book.would_reserve(book.of({ann}), usd(10), now);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().lease_short);
    CHECK(book.leases(now).empty());
    CHECK_FALSE(book.gives(ann, usd(10)));
    CHECK(book.leases(now).size() == 1);
}

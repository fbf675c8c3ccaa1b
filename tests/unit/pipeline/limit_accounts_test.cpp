#include "tests/unit/pipeline/limit_book_fixture.hpp"

using namespace sluice;
using namespace sluice::limit_tests;

// --- whose limits

TEST_CASE("the same payer gets the same account, nobody else's", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100)}}, {PayerKind::user, "*", {money(10)}}});
    CHECK(book.find(ann) == book.find(ann));
    CHECK(book.find(bob) == nullptr);
    CHECK(book.find({PayerKind::team, "ann"}) == nullptr);
    CHECK(book.find(user("u1")) == book.find(user("u1")));
    CHECK(book.find(user("u1")) != book.find(user("u2")));
    book.use(user("u1"), usd(10));
    CHECK_FALSE(book.gives(user("u1"), usd(1)));
    CHECK(book.gives(user("u2"), usd(10)));
}

TEST_CASE("an exact name goes before patterns, and the longer pattern before the shorter", "[limits]") {
    Book book({{PayerKind::user, "*", {money(10)}},
               {PayerKind::user, "staff-*", {money(20)}},
               {PayerKind::user, "staff-ann", {money(30)}}});
    CHECK(book.gives(user("x"), usd(10)));
    CHECK_FALSE(book.gives(user("x"), usd(11)));
    CHECK(book.gives(user("staff-x"), usd(20)));
    CHECK_FALSE(book.gives(user("staff-x"), usd(21)));
    CHECK(book.gives(user("staff-ann"), usd(30)));
}

TEST_CASE("rules of one name are put together", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100)}}, {PayerKind::key, "ann", {money(150, monthly)}}});
    book.use(ann, usd(100));
    CHECK_FALSE(book.gives(ann, usd(1)));
    CHECK(book.gives(ann, usd(50), now + days(1)));
    CHECK_FALSE(book.gives(ann, usd(51), now + days(1)));
}

TEST_CASE("accounts of names that come and go are forgotten once nothing is left of them", "[limits]") {
    Book book({{PayerKind::user, "*", {money(10)}}});
    auto name = [](int number) { return user("user " + std::to_string(number)); };
    for (int i = 0; i < 1'000; ++i) CHECK(book.gives(name(i), usd(1)));
    CHECK(book.statuses(now).size() < 100);

    for (int i = 0; i < 1'000; ++i) book.use(name(i), usd(1));
    CHECK(book.statuses(now).size() >= 1'000);
    auto const held = book.take(name(0), usd(1), now + days(1));
    auto const found = book.find(name(1));
    for (int i = 2'000; i < 3'000; ++i) CHECK(book.gives(name(i), usd(1), now + days(1)));
    CHECK(book.statuses(now + days(1)).size() < 100);
    CHECK(book.find(name(1)) == found);
    CHECK(book.status(name(0), now + days(1)).reserved == 1);
}

TEST_CASE("beyond the most accounts new names share one", "[limits]") {
    Book book({{PayerKind::user, "*", {money(10)}}, {PayerKind::tag, "env=*", {money(10)}}});
    auto name = [](std::size_t number) { return user("user " + std::to_string(number)); };
    for (std::size_t i = 0; i < LimitBook::most_covered; ++i) book.use(name(i), usd(1));
    auto const kept = name(LimitBook::most_covered - 1);
    CHECK(book.find(kept) != book.find(user("other")));
    CHECK(book.find(user("new")) == book.find(user("other")));
    CHECK(book.find(user("newer")) == book.find(user("other")));
    CHECK(book.find({PayerKind::tag, "env=new"}) != book.find({PayerKind::tag, "env=other"}));
    book.use(user("new"), usd(10));
    CHECK_FALSE(book.gives(user("newest"), usd(1)));
    CHECK(book.gives(kept, usd(9)));
}

TEST_CASE("a name that is too long to keep shares an account", "[limits]") {
    Book book({{PayerKind::tag, "env=*", {money(10)}}});
    Payer const endless{PayerKind::tag, "env=" + std::string(LimitBook::longest_name, 'x')};
    CHECK(book.find(endless) == book.find({PayerKind::tag, "env=other"}));
}

// --- new rules

TEST_CASE("new rules keep what was used and reserved where resource and period stay", "[limits]") {
    auto book = ann_with(money(100));
    auto const account = book.find(ann);
    book.use(ann, usd(40));
    auto permit = book.take(ann, usd(20));
    book.configure({{PayerKind::key, "ann", {requests(5), money(200)}}});
    CHECK(book.find(ann) == account);
    CHECK(book.room({account}, Resource::money, now) == 140);
    book.configure({{PayerKind::key, "ann", {money(50)}}});
    CHECK(book.room({account}, Resource::money, now) == 0);
    permit.settle(usd(5), now);
    CHECK(book.room({account}, Resource::money, now) == 5);
}

TEST_CASE("a limit that is new knows what is reserved already", "[limits]") {
    auto book = ann_with(requests(5));
    auto permit = book.take(ann, usd(30));
    book.configure({{PayerKind::key, "ann", {money(100)}}});
    CHECK(book.room(book.of({ann}), Resource::money, now) == 70);
    permit.settle(usd(10), now);
    CHECK(book.room(book.of({ann}), Resource::money, now) == 90);
}

TEST_CASE("an account whose rules are gone follows them when they come back", "[limits]") {
    auto book = ann_with(money(100));
    auto const account = book.find(ann);
    auto const permit = book.take(ann, usd(30));
    book.configure({});
    CHECK(book.find(ann) == nullptr);
    CHECK(book.reserve({account}, usd(1'000), now).has_value());
    book.configure({{PayerKind::key, "a*", {money(100)}}});
    CHECK(book.find(ann) == account);
    CHECK(book.room({account}, Resource::money, now) == 70);
}

TEST_CASE("an account moves between a pattern and a rule of its own", "[limits]") {
    Book book({{PayerKind::user, "*", {money(10)}}});
    book.use(user("u"), usd(4));
    auto const account = book.find(user("u"));
    book.configure({{PayerKind::user, "*", {money(10)}}, {PayerKind::user, "u", {money(20)}}});
    CHECK(book.find(user("u")) == account);
    CHECK(book.room({account}, Resource::money, now) == 16);
    book.configure({{PayerKind::user, "*", {money(10)}}});
    CHECK(book.find(user("u")) == account);
    CHECK(book.room({account}, Resource::money, now) == 6);
}

// --- reports

TEST_CASE("each threshold is warned of once in a window", "[limits]") {
    auto limit = money(100);
    limit.warn_at = {50, 80, 100};
    auto book = ann_with(limit);
    book.use(ann, usd(49));
    CHECK(book.take_warnings().empty());
    book.use(ann, usd(35));
    auto const warnings = book.take_warnings();
    REQUIRE(warnings.size() == 2);
    CHECK(warnings[0].percent == 50);
    CHECK(warnings[1].percent == 80);
    CHECK(warnings[1].payer == ann);
    CHECK(warnings[1].limit == limit);
    CHECK(warnings[1].used == 84);
    book.use(ann, usd(1));
    CHECK(book.take_warnings().empty());
    book.use(ann, usd(15));
    CHECK(book.take_warnings().size() == 1);
    book.use(ann, usd(60), now + days(1));
    CHECK(book.take_warnings().size() == 1);
}

TEST_CASE("a rolling limit that stays above a threshold is warned of once in its length", "[limits]") {
    auto limit = money(100, last_hour);
    limit.warn_at = {80};
    auto book = ann_with(limit);
    std::size_t warnings = 0;
    for (int i = 0; i < 180; ++i) {  // about 90 in each hour, some of them always just forgotten
        book.use(ann, usd(i % 2 == 0 ? 3 : 0), now + minutes(i));
        warnings += book.take_warnings().size();
    }
    CHECK(warnings == 3);
}

TEST_CASE("with more room the same threshold is warned of again", "[limits]") {
    auto limit = money(100);
    limit.warn_at = {80};
    auto book = ann_with(limit);
    book.use(ann, usd(90));
    CHECK(book.take_warnings().size() == 1);
    limit.most = 200;
    book.configure({{PayerKind::key, "ann", {limit}}});
    book.use(ann, usd(10));
    CHECK(book.take_warnings().empty());
    book.use(ann, usd(60));
    CHECK(book.take_warnings().size() == 1);
}

TEST_CASE("the tightest limit is the one with the smallest share left", "[limits]") {
    Book book(
        {{PayerKind::key, "ann", {requests(10), requests(100, daily)}}, {PayerKind::team, "search", {requests(4)}}});
    auto const all = book.of({ann, team});
    CHECK_FALSE(book.rates_left(all, now).tokens);
    auto const held = book.take(ann, of(Resource::requests, 6));
    book.use(ann, of(Resource::requests, 1));
    auto const rates = book.rates_left(all, now);
    REQUIRE(rates.requests);
    CHECK(rates.requests->most == 10);
    CHECK(rates.requests->left == 3);
    CHECK(rates.requests->resets_at == now + minutes(1));
}

TEST_CASE("every limit has a status, also before its first use", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100), money(9, last_hour), money(7, for_ever), at_a_time(3)}}});
    auto statuses = book.statuses(now);
    REQUIRE(statuses.size() == 4);
    CHECK(statuses[0].window_began == at(2026, 11, 25));
    CHECK(statuses[0].resets_at == at(2026, 11, 26));
    CHECK(statuses[1].window_began == now - hours(1));
    for (std::size_t i = 1; i < 4; ++i) CHECK_FALSE(statuses[i].resets_at);
    book.use(ann, usd(1));
    CHECK(book.statuses(now + minutes(1))[1].resets_at == now + minutes(61));
}

TEST_CASE("a key with several budgets takes calls without a price only if all of them do", "[limits]") {
    auto lenient = money(100);
    lenient.allow_unpriced = true;
    Book book({{PayerKind::key, "ann", {lenient, requests(1)}}, {PayerKind::team, "search", {money(1)}}});
    CHECK(book.takes_unpriced(book.of({ann, bob})));
    CHECK_FALSE(book.takes_unpriced(book.of({ann, team})));
}

// --- after a start

TEST_CASE("what the ledger knows counts again after a start", "[limits]") {
    Book book(
        {{PayerKind::key, "ann", {money(100), money(1'000, monthly), money(5'000, for_ever), money(50, last_hour)}}});
    book.restore(ann, at(2025, 1, 1), usd(3'000), now);
    book.restore(ann, at(2026, 11, 3), usd(300), now);
    book.restore(ann, at(2026, 11, 25), usd(30), now);
    book.restore(ann, at(2026, 11, 25, hours(9)), usd(3), now);
    book.restore(bob, at(2026, 11, 25), usd(30), now);
    std::vector<std::int64_t> settled;
    for (auto const& status : book.statuses(now)) settled.push_back(status.settled);
    CHECK(settled == std::vector<std::int64_t>{33, 333, 3'333, 3});
}

TEST_CASE("of an hour nothing is forgotten before its last moment is", "[limits]") {
    auto book = ann_with(money(50, {.kind = Kind::rolling, .length = hours(5)}));
    book.restore(ann, now - hours(5), usd(50), now);  // used from five hours ago to four
    CHECK_FALSE(book.gives(ann, usd(1), now + minutes(59)));
    CHECK(book.gives(ann, usd(50), now + minutes(65)));
}

TEST_CASE("windows shorter than an hour begin anew, but for money", "[limits]") {
    Book book({{PayerKind::key, "ann", {requests(60), money(100, each_minute)}}});
    auto used = usd(100);
    used[Resource::requests] = 3'000;
    book.restore(ann, now, used, now + minutes(30));
    CHECK(book.gives(ann, of(Resource::requests, 60), now + minutes(30)));
    CHECK_FALSE(book.gives(ann, usd(1), now + minutes(30)));
    CHECK(book.gives(ann, usd(100), now + minutes(31)));
}

TEST_CASE("restoring warns of nothing, for that was done before", "[limits]") {
    auto limit = money(100);
    limit.warn_at = {50, 80};
    auto book = ann_with(limit);
    book.restore(ann, now - hours(1), usd(60), now);
    CHECK(book.take_warnings().empty());
    book.use(ann, usd(30));
    CHECK(book.take_warnings().size() == 1);
}

TEST_CASE("after new rules only limits that are new are restored", "[limits]") {
    auto book = ann_with(money(100));
    book.restore(ann, now - hours(1), usd(30), now);
    book.restored();
    book.use(ann, usd(5));
    book.configure({{PayerKind::key, "ann", {money(100), money(500, monthly)}}});
    book.restore(ann, now - hours(1), usd(30), now);
    book.restore(ann, now, usd(5), now);
    book.restored();
    CHECK(book.statuses(now)[0].settled == 35);
    CHECK(book.statuses(now)[1].settled == 35);
    book.restore(ann, now, usd(5), now);
    CHECK(book.statuses(now)[1].settled == 35);
}

// --- leases

TEST_CASE("with leases nothing is given that was not granted", "[limits]") {
    auto book = ann_with(money(100));
    book.use_leases(true);
    auto const refusal = book.refusal(ann, usd(10));
    CHECK(refusal.lease_short);
    CHECK_FALSE(refusal.passing);
    CHECK(refusal.room == 0);
    CHECK(refusal.retry_in == hours(14));  // should the store have no more

    auto const leases = book.leases(now);
    REQUIRE(leases.size() == 1);
    CHECK(leases[0].payer == ann);
    CHECK(leases[0].window_began == at(2026, 11, 25));
    CHECK(leases[0].wanted == 10);
    book.grant(ann, leases[0].limit, leases[0].window_began, 25, now + seconds(10));
    CHECK(book.leases(now).empty());

    auto permit = book.take(ann, usd(10));
    CHECK(book.room(book.of({ann}), Resource::money, now) == 15);
    CHECK(book.refusal(ann, usd(16)).lease_short);
    CHECK_FALSE(book.refusal(ann, usd(101)).lease_short);
    permit.settle(usd(7), now);
    auto const used = book.leases(now);
    REQUIRE(used.size() == 1);
    CHECK(used[0].granted == 25);
    CHECK(used[0].settled == 7);
    CHECK(used[0].reserved == 0);
    CHECK(used[0].wanted == 1);
    CHECK(book.leases(now)[0].wanted == 0);
}

TEST_CASE("a lease ends with its time and with its window", "[limits]") {
    auto book = ann_with(money(100));
    book.use_leases(true);
    book.grant(ann, money(100), at(2026, 11, 25), 50, now + seconds(10));  // before the first use: another window
    CHECK_FALSE(book.gives(ann, usd(1)));
    book.grant(ann, money(100), at(2026, 11, 25), 50, now + seconds(10));
    CHECK(book.gives(ann, usd(50), now + seconds(10) - milliseconds(1)));
    CHECK_FALSE(book.gives(ann, usd(1), now + seconds(10)));

    book.grant(ann, money(100), at(2026, 11, 25), 50, now + days(5));
    CHECK(book.gives(ann, usd(50), now + seconds(11)));
    CHECK_FALSE(book.gives(ann, usd(1), now + days(1)));
    book.grant(ann, money(100), at(2026, 11, 25), 50, now + days(5));  // comes too late
    CHECK_FALSE(book.gives(ann, usd(1), now + days(1)));
    book.grant(ann, money(100), at(2026, 11, 26), 50, now + days(5));
    CHECK(book.gives(ann, usd(50), now + days(1)));
}

TEST_CASE("totals and rolling limits are leased too; requests at a time are not", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100, last_hour), money(90, for_ever), at_a_time(1)}}});
    book.use_leases(true);
    CHECK(book.gives(ann, of(Resource::concurrent, 1)));
    CHECK_FALSE(book.gives(ann, usd(1)));
    for (auto const& lease : book.leases(now)) {
        CHECK(lease.window_began == WallTime{});
        book.grant(ann, lease.limit, lease.window_began, 20, now + hours(9));
    }
    book.use(ann, usd(20));
    CHECK_FALSE(book.gives(ann, usd(1)));
    CHECK(book.refusal(ann, usd(1), now + hours(2)).limit == money(90, for_ever));
    book.use_leases(false);
    CHECK(book.gives(ann, usd(70)));
}

TEST_CASE("what all replicas have settled is used up until the window ends; the rest may come back", "[limits]") {
    auto book = ann_with(money(100));
    book.use_leases(true);
    book.use(ann, usd(30));
    book.grant(ann, money(100), at(2026, 11, 25), 30, now + seconds(3));
    book.settled_elsewhere(ann, money(100), at(2026, 11, 25), 60, now + seconds(3));
    CHECK(book.refusal(ann, usd(10)).lease_short);
    book.leases(now);

    auto const refusal = book.refusal(ann, usd(11));
    CHECK_FALSE(refusal.lease_short);
    CHECK_FALSE(refusal.passing);
    CHECK(refusal.room == 10);
    CHECK(refusal.retry_in == hours(14));
    CHECK(book.leases(now)[0].wanted == 0);
}

TEST_CASE("what was granted may be used, whatever others have settled", "[limits]") {
    auto book = ann_with(money(100));
    book.use_leases(true);
    book.gives(ann, {}, now);
    book.grant(ann, money(100), at(2026, 11, 25), 40, now + seconds(3));
    book.settled_elsewhere(ann, money(100), at(2026, 11, 25), 90, now + seconds(3));
    CHECK(book.gives(ann, usd(40)));
}

TEST_CASE("what others have settled counts in its window, and for as long as it is known", "[limits]") {
    auto book = ann_with(money(100));
    book.use_leases(true);
    book.settled_elsewhere(ann, money(100), at(2026, 11, 25), 100, now + days(2));
    CHECK(book.refusal(ann, usd(1), now).lease_short == false);
    CHECK(book.refusal(ann, usd(1), now + days(1)).lease_short);

    book.settled_elsewhere(ann, money(100), at(2026, 11, 26), 100, now + days(1) + seconds(3));
    CHECK_FALSE(book.refusal(ann, usd(1), now + days(1)).lease_short);
    CHECK(book.refusal(ann, usd(1), now + days(1) + seconds(3)).lease_short);
    book.use_leases(false);
    CHECK(book.gives(ann, usd(1), now + days(1)));
}

TEST_CASE("when others' rolling use is forgotten is not known: at the latest a period from now", "[limits]") {
    auto book = ann_with(money(100, last_hour));
    book.use_leases(true);
    book.use(ann, usd(40), now - minutes(30));
    book.settled_elsewhere(ann, money(100, last_hour), {}, 60, now + seconds(3));
    CHECK(book.refusal(ann, usd(40)).retry_in == minutes(31));  // in slots of a minute
    CHECK(book.refusal(ann, usd(41)).retry_in == minutes(61));
}

TEST_CASE("over a rolling rate that replicas share one may soon ask again", "[limits]") {
    LimitPeriod const last_minute{.kind = Kind::rolling, .length = minutes(1)};
    auto book = ann_with(requests(60, last_minute));
    book.use_leases(true);
    book.settled_elsewhere(ann, requests(60, last_minute), {}, 60, now + seconds(3));
    CHECK(book.refusal(ann, of(Resource::requests, 1)).lease_short);
}

TEST_CASE("what was used without leases is told once they are needed", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100)}}, {PayerKind::key, "bob", {money(100)}}});
    book.use(ann, usd(30));
    auto const held = book.take(ann, usd(20));
    CHECK(book.leases(now).empty());
    book.use_leases(true);
    auto const leases = book.leases(now);
    REQUIRE(leases.size() == 1);
    CHECK(leases[0].payer == ann);
    CHECK(leases[0].settled == 30);
    CHECK(leases[0].reserved == 20);
}

TEST_CASE("a lease is wanted only if nothing else stands in the way", "[limits]") {
    Book book({{PayerKind::key, "ann", {money(100)}}, {PayerKind::team, "search", {money(5)}}});
    book.use_leases(true);
    auto const refused = book.reserve(book.of({ann, team}), usd(10), now);
    REQUIRE_FALSE(refused.has_value());
    CHECK_FALSE(refused.error().lease_short);
    CHECK(refused.error().payer == team);
    CHECK(book.leases(now).empty());
}

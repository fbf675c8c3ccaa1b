#include "server/store/postgres_ledger.hpp"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>

#include "server/store/postgres_keys.hpp"
#include "store_samples.hpp"
#include "tests/unit/store/ledger_samples.hpp"

using namespace sluice;
using namespace sluice::store;
using namespace std::chrono_literals;
using store::testing::TemporaryFolder;

namespace {

PostgresLedger ledger() { return {Postgres::make(sample::database()).value(), OpenedBy::gateway}; }

/// As a process that was seen for as long as anybody asks.
constexpr auto at_once = std::chrono::milliseconds(0);

Amounts used_by(PostgresLedger& ledger, Payer const& payer) {
    Amounts all;
    for (auto const& sum : ledger.sums({}).value()) {
        if (sum.payer != payer) continue;
        for (std::size_t i = 0; i < all.of.size(); ++i) all.of[i] += sum.used.of[i];
    }
    return all;
}

}  // namespace

TEST_CASE("what was settled counts for every payer of the call, once", "[postgres]") {
    auto store = ledger();
    auto const call = sample::call();
    std::vector<LedgerEvent> const events{
        Reserve{.id = call.id, .call = call.reservation},
        Raise{.id = call.id, .at = sample::now, .amount = NanoUsd{900}},
        Settle{.id = call.id, .end = sample::settlement(NanoUsd{250}), .requests = 1}};
    auto const times = GENERATE(1, 2, 100);
    for (int i = 0; i < times; ++i) REQUIRE(store.append(events));
    for (auto const& payer : sample::payers(call.reservation)) {
        CAPTURE(payer.name);
        auto const used = used_by(store, payer);
        CHECK(used[Resource::money] == 250);
        CHECK(used[Resource::requests] == 1);
        CHECK(used[Resource::tokens] == 150);
    }
    CHECK(store.counts(call.id.epoch).value().settled == 1);
}

TEST_CASE("a call of a process that is gone is settled for its reservation, by one replica", "[postgres]") {
    auto store = ledger();
    auto other = ledger();
    auto const call = sample::call();
    REQUIRE(store.append(std::vector<LedgerEvent>{Reserve{.id = call.id, .call = call.reservation},
                                                  Raise{.id = call.id, .at = sample::now, .amount = NanoUsd{900}}}));
    REQUIRE(store.heartbeat(call.id.epoch, sample::now));
    Payer const key{PayerKind::key, call.reservation.key};

    REQUIRE(store.recover(sample::epoch(), sample::now, 1h).value() == 0);
    CHECK(store.recover(sample::epoch(), sample::now, at_once).value() +
              other.recover(sample::epoch(), sample::now, at_once).value() >=
          1);
    CHECK(used_by(store, key)[Resource::money] == 900);

    SECTION("and what it says after all corrects that") {
        REQUIRE(store.append(std::vector<LedgerEvent>{Settle{.id = call.id, .end = sample::settlement(NanoUsd{250})}}));
        REQUIRE(store.append(std::vector<LedgerEvent>{Settle{.id = call.id, .end = sample::settlement(NanoUsd{250})}}));
        CHECK(used_by(store, key)[Resource::money] == 250);
        CHECK(used_by(store, key)[Resource::requests] == 1);
        CHECK(used_by(store, key)[Resource::tokens] == 150);
    }
}

TEST_CASE("what others have under way is told until it is settled", "[postgres]") {
    auto store = ledger();
    auto const call = sample::call();
    auto const held = [&store, &call](std::int64_t mine) {
        std::int64_t money = 0;
        for (auto const& sum : store.held_by_others(mine, sample::now).value()) {
            if (sum.payer == Payer{PayerKind::key, call.reservation.key}) money += sum.used[Resource::money];
        }
        return money;
    };
    REQUIRE(store.append(std::vector<LedgerEvent>{Reserve{.id = call.id, .call = call.reservation},
                                                  Raise{.id = call.id, .at = sample::now, .amount = NanoUsd{900}}}));
    CHECK(held(sample::epoch()) == 900);
    CHECK(held(call.id.epoch) == 0);
    REQUIRE(store.append(std::vector<LedgerEvent>{Settle{.id = call.id, .end = sample::settlement(NanoUsd{250})}}));
    CHECK(held(sample::epoch()) == 0);
}

TEST_CASE("nobody is taken for gone before the one who asks was there as long", "[postgres]") {
    auto store = ledger();
    auto const call = sample::call();
    REQUIRE(store.append(std::vector<LedgerEvent>{Reserve{.id = call.id, .call = call.reservation}}));
    auto const mine = sample::epoch();
    REQUIRE(store.heartbeat(mine, sample::now));
    CHECK(store.recover(mine, sample::now, 1h).value() == 0);
}

TEST_CASE("a process is alone until another one says that it is there", "[postgres]") {
    TemporaryFolder const own;
    PostgresLedger store(Postgres::make(Secret(own.url())).value(), OpenedBy::gateway);
    REQUIRE(store.heartbeat(1, sample::now));
    CHECK(store.is_alone(1).value());
    REQUIRE(store.heartbeat(2, sample::now));
    CHECK_FALSE(store.is_alone(1).value());
    REQUIRE(store.heartbeat(2, WallTime{}));
    CHECK(store.is_alone(1).value());
}

TEST_CASE("the use of a payer is told by process, with what is reserved", "[postgres]") {
    auto store = ledger();
    auto const settled = sample::call();
    auto open = sample::call();
    open.reservation.key = settled.reservation.key;
    REQUIRE(store.append(std::vector<LedgerEvent>{Reserve{.id = settled.id, .call = settled.reservation},
                                                  Settle{.id = settled.id, .end = sample::settlement(NanoUsd{250})},
                                                  Reserve{.id = open.id, .call = open.reservation}}));
    Payer const key{PayerKind::key, settled.reservation.key};
    auto const since = GENERATE(WallTime{}, sample::now - 1ms);  // by sums, by lines
    std::vector<UseQuestion> const questions{{.payer = key, .since = since}};

    auto const uses = store.uses(questions, std::nullopt).value();
    REQUIRE(uses.size() == 2);
    for (auto const& use : uses) {
        bool const is_open = use.epoch == open.id.epoch;
        CHECK(use.settled[Resource::money] == (is_open ? 0 : 250));
        CHECK(use.open[Resource::money] == (is_open ? 500 : 0));
        CHECK(use.open[Resource::requests] == (is_open ? 1 : 0));
    }
    CHECK(store.uses(questions, open.id.epoch).value().size() == 1);
}

TEST_CASE("keys and teams are kept, and each change is seen by its version", "[postgres]") {
    PostgresKeys keys(Postgres::make(sample::database()).value(), OpenedBy::gateway);
    auto const before = keys.version().value();
    auto const name = std::to_string(sample::epoch());
    StoredKey key{.id = "k_" + name,
                  .name = name,
                  .prefix = "prefix",
                  .sha256_hex = "hash of " + name,
                  .settings_json = R"({"models":["*"]})",
                  .created = sample::now,
                  .expires = sample::now + 1h};
    REQUIRE(keys.put_all({&key, 1}));
    key.disabled = true;
    REQUIRE(keys.put_all({&key, 1}));
    CHECK(keys.version().value() == before + 2);
    auto const all = keys.keys().value();
    auto const found = std::find_if(all.begin(), all.end(), [&](StoredKey const& each) { return each.id == key.id; });
    REQUIRE(found != all.end());
    CHECK(found->disabled);
    CHECK(found->expires == key.expires);

    auto other = key;
    other.id = "another";
    // One that can't be made leaves those before it undone, too.
    auto renamed = key;
    renamed.name += " of old";
    CHECK(keys.put_all(std::array{renamed, other, key}).error().kind == ErrorKind::invalid_value);
    CHECK(keys.version().value() == before + 2);
    CHECK(keys.remove_key(key.id).value());
    CHECK_FALSE(keys.remove_key(key.id).value());
    REQUIRE(keys.put(StoredTeam{.name = name, .settings_json = "{}", .created = sample::now}));
    CHECK(keys.remove_team(name).value());
}

TEST_CASE("a server that stands still is an error in time, and the next call works", "[postgres]") {
    auto const database = Postgres::make(sample::database()).value();
    auto const backend = database->run({.sql = "SELECT pg_backend_pid()"}).value().number(0, 0);
    REQUIRE(::kill(static_cast<::pid_t>(backend), SIGSTOP) == 0);
    auto const begun = std::chrono::steady_clock::now();
    auto const answer = database->run({.sql = "SELECT 1"}, 300ms);
    CHECK(std::chrono::steady_clock::now() - begun < 2s);
    ::kill(static_cast<::pid_t>(backend), SIGCONT);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().detail.find("no answer in time") != std::string::npos);
    CHECK(database->run({.sql = "SELECT 1"}));
}

TEST_CASE("a connection that the server ended is opened anew", "[postgres]") {
    auto const database = Postgres::make(sample::database()).value();
    REQUIRE_FALSE(database->run({.sql = "SELECT pg_terminate_backend(pg_backend_pid())"}));
    CHECK(database->run({.sql = "SELECT 1"}));
}

TEST_CASE("no error says the password", "[postgres]") {
    auto const url = GENERATE("postgresql://sluice:hush-hush@127.0.0.1:1/none", "postgresql://sluice:hush-hush@[broken",
                              "postgresql://sluice:hush-hush@127.0.0.1:1/none?unknown=1");
    auto const made = Postgres::make(Secret(url));
    auto const error = made ? (*made)->run({.sql = "SELECT 1"}).error() : made.error();
    CHECK(error.kind == ErrorKind::ledger_unavailable);
    CHECK(error.detail.find("hush-hush") == std::string::npos);
    CHECK_FALSE(error.detail.empty());
}

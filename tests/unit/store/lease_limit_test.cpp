#include "server/store/lease_limit.hpp"

#include <catch2/catch.hpp>

namespace sluice::store {
namespace {

using namespace std::chrono_literals;
using Kind = LimitPeriod::Kind;

WallTime const noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 12h + 34min + 56s;

TEST_CASE("replicas call a limit the same, whatever it allows", "[leases]") {
    Payer const payer{PayerKind::tag, "env=prod and more"};
    auto const period = GENERATE(LimitPeriod{Kind::total, 0s}, LimitPeriod{Kind::rolling, 90s});
    auto const limit = SharedLimit::of_limit(payer, {.of = Resource::tokens, .most = 5, .per = period});
    CHECK(limit.text() == SharedLimit::of_limit(payer, {.of = Resource::tokens, .most = 7, .per = period}).text());
    auto const read = SharedLimit::read(limit.text()).value();
    CHECK(read.payer == payer);
    CHECK(read.of == Resource::tokens);
    CHECK(read.per == period);
    CHECK(read.unit == 1);
}

TEST_CASE("other texts name no limit", "[leases]") {
    auto const text = GENERATE("", "key", "nobody 0 3 0 1 k", "key 9 3 0 1 k", "key 0 9 0 1 k", "key 0 3 0 0 k",
                               "key 0 3 -1 1 k", "key 0 3 x 1 k");
    CHECK_FALSE(SharedLimit::read(text));
}

TEST_CASE("amounts that a double can't hold are counted in larger units, never in anybody's favour", "[leases]") {
    auto const limit =
        SharedLimit::of_limit({}, {.of = Resource::money, .most = std::int64_t{9'000'000'000} * 1'000'000'000});
    CHECK(limit.unit > 1);
    CHECK(limit.units_up(1) == 1);
    CHECK(limit.units_down(limit.unit - 1) == 0);
    CHECK(limit.units_up(limit.unit) == 1);
}

TEST_CASE("the ledger is asked from the window's beginning on, and never later", "[leases]") {
    auto since = [](LimitPeriod const& period) { return SharedLimit{.per = period}.counts_since(noon); };
    CHECK(since({Kind::total, 0s}) == WallTime{});
    CHECK(since({Kind::day, 0s}) == std::chrono::floor<std::chrono::days>(noon));
    CHECK(since({Kind::aligned, 60s}) == std::chrono::floor<std::chrono::minutes>(noon));
    CHECK(since({Kind::rolling, 60s}) <= noon - 60s);
    auto const day = since({Kind::rolling, 24h});
    CHECK(day <= noon - 24h);
    CHECK(day == std::chrono::floor<std::chrono::hours>(day));  // as sums are kept
}

}  // namespace
}  // namespace sluice::store

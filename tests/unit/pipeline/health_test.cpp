#include "core/pipeline/health.hpp"

#include <catch2/catch.hpp>

using namespace sluice;

namespace {

Instant const start = Instant() + seconds(1'000);

std::vector<CredentialSettings> credentials(std::vector<std::pair<char const*, char const*>> const& pairs) {
    std::vector<CredentialSettings> all;
    for (auto const& [name, value] : pairs) all.push_back({.name = name, .value = Secret(value)});
    return all;
}

}  // namespace

TEST_CASE("targets of one name and the same settings share a breaker", "[health]") {
    HealthRegistry registry;
    auto const a = registry.target("p", "m", {});
    CHECK(registry.target("p", "m", {}) == a);
    CHECK(registry.target("p", "n", {}) != a);
    CHECK(registry.target("q", "m", {}) != a);
    CHECK(registry.target("p", "m", {.consecutive = 9}) != a);
}

TEST_CASE("a target is shown once, in its worst state", "[health]") {
    HealthRegistry registry;
    auto const a = registry.target("p", "m", {});
    auto const b = registry.target("p", "m", {.consecutive = 1});
    b->report(Verdict::failure, Breaker::Pass::normal, start, 0.5);
    auto const rows = registry.breakers(start);
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].state == BreakerState::open);
    CHECK(rows[0].time_to_probe == seconds(5));
}

TEST_CASE("health without a user is forgotten", "[health]") {
    HealthRegistry registry;
    registry.target("p", "m", {});
    CHECK(registry.breakers(start).empty());
    auto const in_flight = registry.in_flight("p");
    CHECK(registry.providers().size() == 1);
}

TEST_CASE("an unchanged list of credentials keeps its health, a changed one that of what stayed", "[health]") {
    HealthRegistry registry;
    auto const before = registry.credentials("p", credentials({{"a", "1"}, {"b", "2"}}));
    before->bench(0, Bench::auth, {}, start);
    before->bench(1, Bench::auth, {}, start);
    CHECK(registry.credentials("p", credentials({{"a", "1"}, {"b", "2"}})) == before);
    auto const later = registry.credentials("p", credentials({{"c", "3"}, {"b", "2"}, {"a", "mended"}}));
    CHECK(later != before);
    CHECK(later->state(0, start).reason == Bench::none);
    CHECK(later->state(1, start).reason == Bench::auth);
    CHECK(later->state(2, start).reason == Bench::none);
}

TEST_CASE("requests in flight are limited exactly", "[health]") {
    InFlight in_flight;
    CHECK(in_flight.try_enter(2));
    CHECK(in_flight.try_enter(2));
    CHECK_FALSE(in_flight.try_enter(2));
    CHECK(in_flight.count() == 2);
    in_flight.leave();
    CHECK(in_flight.try_enter(2));
    CHECK(in_flight.try_enter(0));
}

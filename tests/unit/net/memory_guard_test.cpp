#include "server/net/memory_guard.hpp"

#include <catch2/catch.hpp>

namespace sluice::net {
namespace {

TEST_CASE("without a limit everything fits", "[memory]") {
    MemoryGuard guard;
    guard.measured(UINT64_MAX / 2);
    CHECK_FALSE(guard.tight());
    CHECK_FALSE(guard.full());
    CHECK(guard.take(1'000'000));
}

TEST_CASE("at 85 % it is tight, at 95 % full", "[memory]") {
    MemoryGuard guard;
    guard.set_limit(1000);
    auto const [used, tight, full] = GENERATE(table<std::uint64_t, bool, bool>(
        {{0, false, false}, {849, false, false}, {850, true, false}, {949, true, false}, {950, true, true}}));
    guard.measured(used);
    CAPTURE(used);
    CHECK(guard.tight() == tight);
    CHECK(guard.full() == full);
}

TEST_CASE("what is taken counts until the next measurement", "[memory]") {
    MemoryGuard guard;
    guard.set_limit(1000);
    guard.measured(500);
    CHECK(guard.take(200));
    CHECK_FALSE(guard.take(200));  // would be tight
    CHECK(guard.used() == 700);
    guard.measured(500);
    CHECK(guard.take(200));
}

}  // namespace
}  // namespace sluice::net

#include <catch2/catch.hpp>

#include "tests/unit/store/small_disk.hpp"
#include "tests/unit/store/writer_world.hpp"

/// A disk that is full, and has room again.
namespace sluice::store {
namespace {

using namespace testing;
using std::chrono::steady_clock;

/// Calls that were recorded and settled, until one is refused.
std::int64_t serve_until_refused(Desk& desk, int most) {
    for (std::int64_t served = 0; served < most; ++served) {
        auto const call = desk.reserve(reserve({}).call);
        if (!call || !desk.recorded(**call)) return served;
        (*call)->settle(settle({}).end);
    }
    return most;
}

TEST_CASE("a full disk refuses calls within 100 ms, loses nothing, and is forgiven when it has room",
          "[writer][store]") {
    SmallDisk const disk;
    if (!disk.mounted) {
        WARN("skipped: this process may not mount a file system");
        return;
    }
    auto const store = open_store(disk.url(), OpenedBy::gateway).value();
    LedgerWriter writer(*store, {.journal_folder = disk.path() / "journals",
                                 .backoff_first = milliseconds(20),
                                 .backoff_most = milliseconds(50)});
    REQUIRE(writer.start());
    Desk desk(writer);
    auto served = serve_until_refused(desk, 50);
    REQUIRE(served == 50);
    for (int round = 0; round < 5; ++round) {
        disk.fill();
        served += serve_until_refused(desk, 100'000);
        auto const asked = steady_clock::now();
        CHECK(serve_until_refused(desk, 1) == 0);
        CHECK(steady_clock::now() - asked < milliseconds(100));
        disk.empty();
        REQUIRE(eventually([&writer] { return !writer.status().failing; }));
        auto const more = serve_until_refused(desk, 50);
        CHECK(more == 50);
        served += more;
    }
    desk.close();
    REQUIRE(writer.close(steady_clock::now() + std::chrono::seconds(5)));
    CHECK(total(*store, search_key)[Resource::money] == 3'000 * served);
    CHECK(total(*store, search_key)[Resource::requests] == served);
    CHECK(faults(*store) == std::vector<std::string>{});
}

}  // namespace
}  // namespace sluice::store

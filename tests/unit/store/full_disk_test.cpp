#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/unit/store/ledger_samples.hpp"
#include "tests/unit/store/writer_world.hpp"

/// A disk that is full, and has room again: SQLite on a file system of 3 MiB. Needs the right to mount one.
namespace sluice::store {
namespace {

using namespace testing;
using std::chrono::steady_clock;

struct SmallDisk {
    SmallDisk() {
        std::filesystem::create_directory(path());
        mounted = ::mount("tmpfs", path().c_str(), "tmpfs", 0, "size=3m") == 0;
    }
    SmallDisk(SmallDisk const&) = delete;
    SmallDisk& operator=(SmallDisk const&) = delete;
    ~SmallDisk() {
        if (mounted) ::umount2(path().c_str(), MNT_DETACH);
    }
    std::filesystem::path path() const { return folder.path / "disk"; }
    std::string url() const { return "sqlite://" + (path() / "ledger.db").string(); }
    void fill() const {
        std::ofstream filler(path() / "filler", std::ios::binary);
        std::string const block(4'096, 'x');
        while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) continue;
    }
    void empty() const { std::filesystem::remove(path() / "filler"); }

    TemporaryFolder folder;
    bool mounted = false;
};

/// Calls that were recorded and settled, until one is refused.
std::int64_t serve_until_refused(LedgerWriter& writer, BlockingClock& clock, int most) {
    Cancellation nobody;
    for (std::int64_t served = 0; served < most; ++served) {
        auto const call = writer.reserve(reserve({}).call, clock);
        if (!call || !run((*call)->recorded(nobody))) return served;
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
    BlockingClock clock;
    LedgerWriter writer(*store, {.backoff_first = milliseconds(20), .backoff_most = milliseconds(50)});
    REQUIRE(writer.start());
    auto served = serve_until_refused(writer, clock, 50);
    REQUIRE(served == 50);
    for (int round = 0; round < 5; ++round) {
        disk.fill();
        served += serve_until_refused(writer, clock, 100'000);
        auto const asked = steady_clock::now();
        CHECK(serve_until_refused(writer, clock, 1) == 0);
        CHECK(steady_clock::now() - asked < milliseconds(100));
        disk.empty();
        REQUIRE(eventually([&writer] { return !writer.status().failing; }));
        auto const more = serve_until_refused(writer, clock, 50);
        CHECK(more == 50);
        served += more;
    }
    REQUIRE(writer.close(steady_clock::now() + std::chrono::seconds(5)));
    CHECK(total(*store, search_key)[Resource::money] == 3'000 * served);
    CHECK(total(*store, search_key)[Resource::requests] == served);
    CHECK(faults(*store) == std::vector<std::string>{});
}

}  // namespace
}  // namespace sluice::store

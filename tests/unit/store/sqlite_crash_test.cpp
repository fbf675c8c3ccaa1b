#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>

#include "tests/unit/store/ledger_samples.hpp"

/// A process is killed while it writes: what append() has returned for is there, and all of it fits together.
namespace sluice::store {
namespace {

using namespace testing;

/// Appends, and says after each batch how many calls it has settled, until it is killed.
[[noreturn]] void append_for_ever(std::string const& url, std::int64_t epoch, int said) {
    auto store = open_store(url, OpenedBy::gateway);
    for (std::int64_t number = 0; store; ++number) {
        std::vector<LedgerEvent> events{reserve({epoch, number})};
        if (number > 0) events.emplace_back(settle({epoch, number - 1}));
        if (!(*store)->append(events)) break;
        if (::write(said, &number, sizeof number) != sizeof number) break;
        if (number % 7 == 0 && !(*store)->sync()) break;
        if (number % 50 == 0 && !(*store)->tidy()) break;
    }
    ::kill(::getpid(), SIGTERM);
    for (;;) ::pause();
}

/// Lets a process append for so long, kills it, and returns how many calls it had settled when it last said so.
std::int64_t settled_until_killed(std::string const& url, std::int64_t epoch, std::chrono::microseconds after) {
    int ends[2] = {};
    REQUIRE(::pipe(ends) == 0);
    auto const child = ::fork();
    if (child == 0) append_for_ever(url, epoch, ends[1]);
    ::close(ends[1]);
    ::usleep(static_cast<unsigned>(after.count()));
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WTERMSIG(status) == SIGKILL);
    std::int64_t last = 0;
    std::int64_t number = 0;
    while (::read(ends[0], &number, sizeof number) == sizeof number) last = number;
    ::close(ends[0]);
    return last;
}

TEST_CASE("after kill -9 nothing that was appended is lost, nothing is there twice, and all fits together", "[store]") {
    TemporaryFolder folder;
    std::mt19937 random(7);
    std::int64_t settled = 0;
    std::int64_t recovered = 0;
    for (std::int64_t epoch = 1; epoch <= 50; ++epoch) {
        std::chrono::microseconds const after(2'000 + random() % 60'000);
        auto const said = settled_until_killed(folder.url(), epoch, after);
        auto const store = opened(folder);
        auto const counts = store->counts(epoch).value();
        CAPTURE(epoch, said, counts.settled);
        CHECK(counts.settled >= said);
        CHECK(counts.settled <= said + 1);  // the batch that it was killed in, all or nothing
        CHECK(counts.calls == (counts.settled == 0 ? counts.calls : counts.settled + 1));
        settled += counts.settled;
        recovered += store->recover(1'000, noon(), std::chrono::seconds(5)).value();
        CHECK(faults(*store) == std::vector<std::string>{});
    }
    INFO(settled << " settled, " << recovered << " recovered");
    CHECK(settled > 100);
    CHECK(total(*opened(folder), search_key) ==
          amounts(3'000 * settled + 5'000 * recovered, settled + recovered, 120 * settled));
}

}  // namespace
}  // namespace sluice::store

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "server/store/charges.hpp"
#include "server/store/process_identity.hpp"
#include "tests/unit/store/ledger_samples.hpp"

namespace sluice::store {
namespace {

using namespace testing;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

void append(LedgerStore& store, std::vector<LedgerEvent> const& events) {
    auto const appended = store.append(events);
    if (!appended) FAIL(appended.error().detail.str());
}

/// Changes the file behind the store's back.
void tamper(TemporaryFolder const& folder, std::string const& sql) {
    sqlite3* database = nullptr;
    REQUIRE(sqlite3_open(folder.file().c_str(), &database) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
}

TEST_CASE("a settled call is charged to everybody who pays for it", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1})});
    auto const payer = GENERATE(values<Payer>({{PayerKind::key, "k_search"},
                                               {PayerKind::team, "search"},
                                               {PayerKind::tag, "env=prod"},
                                               {PayerKind::tag, "app=web"},
                                               {PayerKind::model, "fast"},
                                               {PayerKind::provider, "groq"},
                                               {PayerKind::target, "groq/llama-3.3-70b"}}));
    CAPTURE(payer.name);
    CHECK(total(*store, payer) == amounts(3'000, 1, 120));
    CHECK(store->sums(WallTime{}).value().size() == 7);  // nobody else, and no user
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("what is appended again, in whatever batches, changes nothing", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    std::vector<LedgerEvent> const events{reserve({7, 1}), Raise{{7, 1}, noon(), {9'000}},  settle({7, 1}),
                                          reserve({7, 2}), settle({7, 2}, noon(), {1'000}), reserve({7, 3})};
    for (int round = 0; round < 50; ++round) {
        append(*store, events);
        for (auto const& event : events) append(*store, {event});
    }
    CHECK(total(*store, search_key) == amounts(4'000, 2, 240));
    auto const counts = store->counts(7).value();
    CHECK(counts.calls == 3);
    CHECK(counts.settled == 2);
    CHECK(counts.answered == 2);
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("a settlement that differs from the first one is ignored", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1}, noon(), {3'000})});
    append(*store, {settle({7, 1}, noon(hours(1)), {4'000})});
    CHECK(total(*store, search_key) == amounts(3'000, 1, 120));
}

TEST_CASE("of a batch that fails nothing is there", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    // The file may not grow: the second batch does not fit.
    tamper(folder,
           "CREATE TRIGGER full BEFORE INSERT ON settlements WHEN NEW.number = 3 BEGIN SELECT RAISE(ABORT, "
           "'disk full'); END");
    append(*store, {reserve({7, 1}), settle({7, 1})});
    auto const failed =
        store->append(std::vector<LedgerEvent>{reserve({7, 2}), settle({7, 2}), reserve({7, 3}), settle({7, 3})});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == ErrorKind::ledger_unavailable);
    CHECK(failed.error().detail.find("disk full") != std::string::npos);
    CHECK(store->counts(7).value().calls == 1);
    tamper(folder, "DROP TRIGGER full");
    append(*store, {reserve({7, 2}), settle({7, 2}), reserve({7, 3}), settle({7, 3})});
    CHECK(total(*store, search_key) == amounts(9'000, 3, 360));
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("sums go by the hour of the settlement, and what is before `since` is one sum", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    for (int hour = 0; hour < 4; ++hour) {
        append(*store, {reserve({7, hour}, noon(hours(hour - 1))), settle({7, hour}, noon(hours(hour)), {1'000})});
    }
    std::vector<std::pair<WallTime, std::int64_t>> found;
    for (auto const& sum : store->sums(noon(hours(2))).value()) {
        if (sum.payer == search_key) found.emplace_back(sum.hour, sum.used[Resource::money]);
    }
    CHECK(found == std::vector<std::pair<WallTime, std::int64_t>>{
                       {noon(hours(1)), 2'000}, {noon(hours(2)), 1'000}, {noon(hours(3)), 1'000}});
}

TEST_CASE("open calls of processes that are gone are settled for what was reserved", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store,
           {reserve({7, 1}), reserve({7, 2}), Raise{{7, 2}, noon(), {8'000}}, reserve({8, 1}), reserve({9, 1})});
    append(*store, {settle({7, 1}, noon(), {1'000})});
    REQUIRE(store->heartbeat(8, noon(seconds(58))));
    auto const now = noon(seconds(60));

    CHECK(store->recover(9, now, seconds(5)).value() == 1);
    CHECK(store->recover(9, now, seconds(5)).value() == 0);
    CHECK(total(*store, search_key) == amounts(9'000, 2, 120));
    CHECK(faults(*store) == std::vector<std::string>{});

    SECTION("also those of a process that lives too quietly") {
        CHECK(store->recover(9, now + seconds(4), seconds(5)).value() == 1);
    }
    SECTION("also those of a process that said that it ends") {
        REQUIRE(store->heartbeat(8, WallTime{}));
        CHECK(store->recover(9, now, seconds(5)).value() == 1);
    }
    SECTION("and corrected, should it have lived after all") {
        for (int i = 0; i < 3; ++i) append(*store, {settle({7, 2}, noon(hours(2)), {500})});
        CHECK(total(*store, search_key) == amounts(1'500, 2, 240));
        CHECK(faults(*store) == std::vector<std::string>{});
    }
}

TEST_CASE("a process that was killed is gone at once, whatever its heartbeat says", "[store]") {
    TemporaryFolder folder;
    auto const now = WallTime(std::chrono::floor<milliseconds>(std::chrono::system_clock::now()));
    auto const child = ::fork();
    if (child == 0) {
        auto store = open_store(folder.url(), OpenedBy::gateway);
        bool const done =
            store && (*store)->heartbeat(7, now) && (*store)->append(std::vector<LedgerEvent>{reserve({7, 1})});
        ::kill(::getpid(), done ? SIGKILL : SIGTERM);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WTERMSIG(status) == SIGKILL);
    auto const store = opened(folder);
    CHECK(store->recover(9, now, seconds(5)).value() == 1);
    CHECK(total(*store, search_key) == amounts(5'000, 1, 0));
}

TEST_CASE("a process is told from a later one with its number", "[store]") {
    auto self = this_process();
    CHECK(is_gone(self) == false);
    SECTION("by when it started") { self.started -= 1; }
    SECTION("by the boot of the machine") { self.boot = "another"; }
    SECTION("by being there at all") { self.pid = std::int64_t{1} << 30U; }
    CHECK(is_gone(self) == true);
}

TEST_CASE("a process in another container can't be asked for", "[store]") {
    auto self = this_process();
    self.pid_space = "pid:[1]";
    CHECK(is_gone(self) == std::nullopt);
}

TEST_CASE("an adjustment is charged when it is made, and belongs to its call", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1})});
    REQUIRE(store->adjust({7, 1}, {-1'000}, "refund", noon(hours(5))));
    REQUIRE(store->adjust({7, 1}, {200}, "and a fee", noon(hours(5))));
    CHECK(total(*store, search_key) == amounts(2'200, 1, 120));
    CHECK(faults(*store) == std::vector<std::string>{});
    SECTION("and there must be such a call") {
        auto const refused = store->adjust({7, 2}, {1}, "none", noon());
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::invalid_value);
    }
}

TEST_CASE("what is forgotten leaves its sums behind", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    for (int i = 0; i < 1'000; ++i) append(*store, {reserve({7, i}), settle({7, i}, noon(hours(i / 100)), {10})});
    append(*store, {reserve({7, 1'000})});  // open
    REQUIRE(store->adjust({7, 3}, {5}, "late", noon(hours(20))));
    auto const before = total(*store, search_key);

    CHECK(store->forget(noon(hours(5))).value() == 500);
    CHECK(total(*store, search_key) == before);
    CHECK(faults(*store) == std::vector<std::string>{});
    CHECK(store->forget(noon(hours(5))).value() == 0);
    CHECK(store->counts(7).value().calls == 1'001);

    CHECK(store->forget(noon(hours(50))).value() == 500);
    append(*store, {settle({7, 1'000}, noon(hours(51)), {10})});
    CHECK(total(*store, search_key)[Resource::money] == before[Resource::money] + 10);
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("verify finds what does not fit", "[store]") {
    auto const [sql, says] = GENERATE(table<char const*, char const*>({
        {"UPDATE settlements SET cost = cost + 1 WHERE number = 1", "the sum says 6000"},
        {"UPDATE settlements SET cost = 6000 WHERE number = 1", "cost 6000 nano-dollars of 5000 reserved"},
        {"UPDATE sums SET tokens = 0", "0 tokens, the lines say"},
        {"DELETE FROM sums WHERE kind = 'team'", "of team search: the sum says 0 nano-dollars"},
        {"DELETE FROM settlements WHERE number = 1", "7/1 is neither settled nor open"},
        {"DELETE FROM calls WHERE number = 1", "the settlement of call 7/1 has no reservation"},
        {"INSERT INTO raises VALUES(7, 99, 1, 0)", "the raise of call 7/99 has no reservation"},
        {"INSERT INTO open_calls VALUES(7, 1)", "7/1 is settled, and still among the open ones"},
        {"UPDATE epochs SET calls = calls + 1", "process 7 made 3 calls"},
    }));
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1}), reserve({7, 2}), settle({7, 2})});
    REQUIRE(faults(*store) == std::vector<std::string>{});
    tamper(folder, sql);
    auto const found = faults(*store);
    CAPTURE(sql, found);
    std::string const expected = says;
    auto const fits = [&expected](std::string const& fault) { return fault.find(expected) != std::string::npos; };
    CHECK(std::ranges::any_of(found, fits));
}

TEST_CASE("a call may cost more than was reserved, and is marked", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    append(*store, {reserve({7, 1}), settle({7, 1}, noon(), {5'001})});
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("the file is its owner's alone", "[store]") {
    TemporaryFolder folder;
    auto const path = folder.file("new/deep/ledger.db");
    auto const store = open_store("sqlite://" + path, OpenedBy::gateway);
    REQUIRE(store);
    struct ::stat found{};
    for (auto const* const suffix : {"", "-wal", "-shm"}) {
        REQUIRE(::stat((path + suffix).c_str(), &found) == 0);
        CHECK((found.st_mode & 0777U) == 0600);
    }
    REQUIRE(::stat(std::filesystem::path(path).parent_path().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0700);
}

TEST_CASE("a file of a newer program is refused, and so are other URLs", "[store]") {
    TemporaryFolder folder;
    SECTION("a newer version") {
        opened(folder).reset();
        tamper(folder, "INSERT INTO schema_version VALUES(1000, 0)");
        auto const opener = GENERATE(OpenedBy::gateway, OpenedBy::command);
        auto const refused = open_store(folder.url(), opener);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().kind == ErrorKind::ledger_unavailable);
        CHECK(refused.error().detail.find("version 1000") != std::string::npos);
        CHECK(refused.error().detail.find("newer") != std::string::npos);
    }
    SECTION("another kind of database") {
        CHECK(open_store("mysql://host/name", OpenedBy::gateway).error().kind == ErrorKind::invalid_value);
        CHECK(open_store("sqlite://relative.db", OpenedBy::gateway).error().kind == ErrorKind::invalid_value);
    }
    SECTION("a command makes no file") {
        CHECK_FALSE(open_store(folder.url(), OpenedBy::command));
        CHECK_FALSE(std::filesystem::exists(folder.file()));
    }
    SECTION("a file that is something else") {
        std::FILE* const file = std::fopen(folder.file().c_str(), "w");
        std::fputs("These are the accounts of the year, which nobody must overwrite.\n", file);
        std::fclose(file);
        auto const refused = open_store(folder.url(), OpenedBy::gateway);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().detail.find("not a database") != std::string::npos);
    }
}

TEST_CASE("who reads sees whole batches while another one writes", "[store]") {
    TemporaryFolder folder;
    auto const writing = opened(folder);
    std::atomic<bool> stop = false;
    int read = 0;
    std::vector<std::string> wrong;
    std::thread reader([&folder, &stop, &read, &wrong] {
        auto const store = open_store(folder.url(), OpenedBy::command).value();
        while (!stop) {
            auto const found = faults(*store);
            wrong.insert(wrong.end(), found.begin(), found.end());
            ++read;
        }
    });
    for (int i = 0; i < 3'000; i += 10) {
        std::vector<LedgerEvent> events;
        for (int j = i; j < i + 10; ++j) {
            events.emplace_back(reserve({7, j}));
            if (j % 3 != 0) events.emplace_back(settle({7, j}));
        }
        append(*writing, events);
        if (i % 100 == 0) REQUIRE(writing->tidy());
    }
    stop = true;
    reader.join();
    CHECK(read > 0);
    CHECK(wrong == std::vector<std::string>{});
}

TEST_CASE("the log is moved into the file, and does not grow for ever", "[store]") {
    TemporaryFolder folder;
    auto const store = opened(folder);
    for (int i = 0; i < 6'000; ++i) {
        append(*store, {reserve({7, i}), settle({7, i})});
        if (i % 10 == 0) REQUIRE(store->tidy());
    }
    CHECK(std::filesystem::file_size(folder.file("ledger.db-wal")) < 10 * 1024 * 1024);
    CHECK(faults(*store) == std::vector<std::string>{});
}

TEST_CASE("tags with line breaks do not make more tags", "[store]") {
    CHECK(tag_lines({{"a", "1\n2"}, {"b", ""}}) == "a=1 2\nb=");
    CHECK(payers_of({.tag_lines = "a=1 2\nb=", .provider = "p", .target_model = "m"}).size() == 4);
}

}  // namespace
}  // namespace sluice::store

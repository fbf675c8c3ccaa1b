#include "server/store/ledger_spool.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "server/store/event_bytes.hpp"
#include "tests/unit/store/ledger_samples.hpp"

namespace sluice::store {
namespace {

using namespace testing;

std::vector<LedgerEvent> samples() {
    auto full = settle({7, 2});
    full.end.sheet_cost = std::nullopt;
    full.end.usage = {.input = 1,
                      .output = 2,
                      .cached_input = 3,
                      .cache_write = 4,
                      .reasoning = 5,
                      .audio_input = 6,
                      .audio_output = 7,
                      .source = UsageSource::estimated,
                      .reported_cost = NanoUsd{8}};
    full.end.result = AttemptResult::interrupted;
    full.end.uncertain = true;
    full.end.unpriced = true;
    full.requests = 0;
    return {reserve({7, 1}), Raise{{7, 1}, noon(), {6'000}}, settle({7, 1}), reserve({7, 2}), full};
}

std::vector<std::string> bytes_of(std::vector<LedgerEvent> const& events) {
    std::vector<std::string> all;
    for (auto const& event : events) all.push_back(to_bytes(event));
    return all;
}

std::vector<LedgerEvent> read_all(LedgerSpool& spool, std::size_t at_once) {
    std::vector<LedgerEvent> all;
    while (!spool.all_read()) {
        for (auto& event : spool.next(at_once).value()) all.push_back(std::move(event));
    }
    return all;
}

TEST_CASE("an event is the same after its way through bytes", "[spool]") {
    auto const read = read_event(to_bytes(samples()[4])).value();
    auto const& settled = std::get<Settle>(read);
    auto const expected = std::get<Settle>(samples()[4]);
    CHECK(settled.id == expected.id);
    CHECK(settled.end.at == expected.end.at);
    CHECK(settled.end.cost == expected.end.cost);
    CHECK(settled.end.sheet_cost == std::nullopt);
    CHECK(settled.end.usage == expected.end.usage);
    CHECK(settled.end.result == AttemptResult::interrupted);
    CHECK(settled.end.upstream_status == 200);
    CHECK(settled.end.uncertain);
    CHECK(settled.end.unpriced);
    CHECK(settled.requests == 0);
    auto const reserved = std::get<Reserve>(read_event(to_bytes(samples()[0])).value());
    CHECK(reserved.call.tags == reserve({}).call.tags);
    CHECK(reserved.call.target_model == "llama-3.3-70b");
    CHECK(reserved.call.amount == NanoUsd{5'000});
}

TEST_CASE("bytes that are no event are none", "[spool]") {
    auto const whole = to_bytes(samples()[0]);
    for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(read_event(whole.substr(0, size)));
    CHECK_FALSE(read_event(whole + "x"));
    CHECK_FALSE(read_event("\x09" + whole.substr(1)));
}

TEST_CASE("what was spooled comes back in its order, also twice", "[spool]") {
    TemporaryFolder folder;
    auto spool = LedgerSpool::create(folder.file("spool"), 7).value();
    auto const events = samples();
    REQUIRE(spool.append(std::span(events).first(2)));
    REQUIRE(spool.append(std::span(events).subspan(2)));
    CHECK(bytes_of(read_all(spool, 2)) == bytes_of(events));
    spool.rewind();
    CHECK(bytes_of(read_all(spool, 100)) == bytes_of(events));
    REQUIRE(spool.forget());
    CHECK(spool.empty());
    CHECK(read_all(spool, 1).empty());
}

TEST_CASE("a spool belongs to its process while that lives", "[spool]") {
    TemporaryFolder folder;
    {
        auto spool = LedgerSpool::create(folder.file("spool"), 7).value();
        REQUIRE(spool.append(samples()));
        CHECK(LedgerSpool::left_behind(folder.file("spool")).empty());
    }
    auto left = LedgerSpool::left_behind(folder.file("spool"));
    REQUIRE(left.size() == 1);
    CHECK(bytes_of(read_all(left[0], 3)) == bytes_of(samples()));
}

TEST_CASE("of a torn file everything before the tear counts", "[spool]") {
    TemporaryFolder folder;
    auto const events = samples();
    {
        REQUIRE(LedgerSpool::create(folder.file("spool"), 7).value().append(events));
    }
    auto const path = folder.file("spool/7.spool");
    auto const size = std::filesystem::file_size(path);
    SECTION("cut short") { std::filesystem::resize_file(path, size - 1); }
    SECTION("damaged in its last record") {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(size) - 1);
        file.put('\x7F');
    }
    auto left = LedgerSpool::left_behind(folder.file("spool"));
    REQUIRE(left.size() == 1);
    auto const read = read_all(left[0], 100);
    CHECK(bytes_of(read) == bytes_of({events.begin(), events.end() - 1}));
}

TEST_CASE("a spool that can't be written says so, and nothing of it counts", "[spool]") {
    TemporaryFolder folder;
    std::ofstream(folder.file("spool")) << "a file where the folder should be";
    CHECK(LedgerSpool::create(folder.file("spool"), 7).error().kind == ErrorKind::ledger_unavailable);
}

}  // namespace
}  // namespace sluice::store

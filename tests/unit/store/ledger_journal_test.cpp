#include "server/store/ledger_journal.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "server/store/event_bytes.hpp"
#include "tests/unit/store/ledger_samples.hpp"
#include "tests/unit/store/small_disk.hpp"
#include "tests/unit/store/writer_world.hpp"

namespace sluice::store {
namespace {

using namespace testing;

std::vector<LedgerEvent> samples() {
    auto full = reserve({7, 1});
    full.call.user = "someone\nelse";
    auto settled = settle({7, 2});
    settled.end.usage = {.input = 1,
                         .output = 2,
                         .cached_input = 3,
                         .cache_write = 4,
                         .reasoning = 5,
                         .audio_input = 6,
                         .audio_output = 7,
                         .source = UsageSource::estimated,
                         .reported_cost = NanoUsd{8}};
    settled.end.sheet_cost = std::nullopt;
    settled.end.uncertain = settled.end.unpriced = true;
    settled.requests = 0;
    return {full, Raise{{7, 1}, noon(), {9'000}}, settled, reserve({7, 3}), settle({7, 3})};
}

std::string bytes_of(LedgerEvent const& event) {
    std::string bytes;
    add_event(bytes, event);
    return bytes;
}

std::vector<std::string> texts(std::vector<LedgerEvent> const& events) {
    std::vector<std::string> all;
    for (auto const& event : events) all.push_back(bytes_of(event));
    return all;
}

std::string frame_of(std::vector<LedgerEvent> const& events) {
    std::string frame;
    for (auto const& event : events) add_event(frame, event);
    return frame;
}

std::vector<LedgerEvent> all_of(LedgerJournal const& journal) {
    std::vector<LedgerEvent> all;
    for (auto at = journal.first(); at < journal.written();) {
        auto found = journal.read(at, journal.written()).value();
        at = found.end;
        for (auto& event : found.events) all.push_back(std::move(event));
    }
    return all;
}

/// What the next process finds of one that is gone.
std::vector<LedgerEvent> left_in(std::string const& folder) {
    std::vector<LedgerEvent> all;
    for (auto const& file : JournalFile::left_behind(folder)) {
        for (std::uint64_t at = 0; at < file.end();) {
            auto found = read_events(file, at, file.end()).value();
            at = found.end;
            for (auto& event : found.events) all.push_back(std::move(event));
        }
    }
    return all;
}

std::filesystem::path only_file(std::string const& folder) {
    return std::filesystem::directory_iterator(folder)->path();
}

// --- bytes

TEST_CASE("an event is the same after its way through bytes", "[journal]") {
    for (auto const& event : samples()) {
        auto const bytes = bytes_of(event);
        std::string_view rest = bytes;
        auto const back = take_event(rest);
        REQUIRE(back);
        CHECK(rest.empty());
        CHECK(bytes_of(*back) == bytes);
    }
}

TEST_CASE("what a call reserves is written as the request holds it", "[journal]") {
    auto const event = reserve({7, 1});
    std::string bytes;
    add_event(bytes, event.id, view_of(event.call));
    CHECK(bytes == bytes_of(event));
}

TEST_CASE("bytes that end too early are no event", "[journal]") {
    for (auto const& event : samples()) {
        auto const bytes = bytes_of(event);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            std::string_view rest(bytes.data(), size);
            CHECK_FALSE(take_event(rest));
        }
    }
}

TEST_CASE("an event of a later version is skipped", "[journal]") {
    auto unknown = bytes_of(samples()[1]);
    unknown[4] = 9;
    auto const bytes = unknown + bytes_of(samples()[2]);
    std::string_view rest = bytes;
    CHECK(bytes_of(take_event(rest).value()) == bytes_of(samples()[2]));
    CHECK_FALSE(take_event(rest));
}

// --- what a process writes

TEST_CASE("what was added is read back in its order, from any place", "[journal]") {
    TemporaryFolder folder;
    auto const journal = LedgerJournal::create(GENERATE(true, false) ? folder.file("journals") : "", 7).value();
    auto const first = journal->add(frame_of({samples()[0], samples()[1]}));
    CHECK(first.is_written);
    CHECK(first.is_first);
    auto const second = journal->add(frame_of({samples()[2]}));
    CHECK_FALSE(second.is_first);
    CHECK(texts(all_of(*journal)) == texts({samples()[0], samples()[1], samples()[2]}));
    CHECK(texts(journal->read(first.end, journal->written()).value().events) == texts({samples()[2]}));
    CHECK(journal->read(0, first.end).value().end == first.end);
    CHECK(journal->read(second.end, second.end).value().events.empty());
}

TEST_CASE("a frame may be larger than what is read at a time", "[journal]") {
    TemporaryFolder folder;
    auto const journal = LedgerJournal::create(folder.file("journals"), 7).value();
    std::vector<LedgerEvent> const many(5'000, samples()[0]);
    journal->add(frame_of(many));
    journal->add(frame_of(samples()));
    CHECK(all_of(*journal).size() == many.size() + samples().size());
}

TEST_CASE("only what is synced counts as such", "[journal]") {
    TemporaryFolder folder;
    auto const journal = LedgerJournal::create(folder.file("journals"), 7).value();
    auto const added = journal->add(frame_of(samples()));
    CHECK(journal->written() == added.end);
    CHECK(journal->synced() == 0);
    REQUIRE(journal->sync());
    CHECK(journal->synced() == added.end);
}

TEST_CASE("pages are read across, dropped when they are done with, and used again", "[journal]") {
    TemporaryFolder folder;
    auto const journal = LedgerJournal::create(folder.file("journals"), 7).value();
    std::uint64_t end = 0;
    for (int round = 0; round < 10; ++round) {
        journal->add(frame_of(samples()));
        REQUIRE(journal->turn_page());
        CHECK(journal->page_size() == 0);
        end = journal->add(frame_of({samples()[0]})).end;
        CHECK(texts(all_of(*journal)).size() == samples().size() + (round == 0 ? 1 : 2));
        CHECK(journal->has_page_before(end));
        journal->drop_pages_before(end);
        CHECK_FALSE(journal->has_page_before(end));
        CHECK(texts(all_of(*journal)) == texts({samples()[0]}));
    }
    REQUIRE(journal->sync());
    CHECK(std::distance(std::filesystem::directory_iterator(folder.file("journals")), {}) == 2);
    journal->remove();
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

TEST_CASE("what stood in a file before it was used again is nothing any more", "[journal]") {
    TemporaryFolder folder;
    {
        auto file = JournalFile::create(folder.path, 7, 1).value();
        REQUIRE(file.append(frame_of(samples())));
        REQUIRE(file.append(frame_of(samples())));
        REQUIRE(file.begin_anew(2));
        REQUIRE(file.append(frame_of(samples())));  // the second one of before follows it exactly
    }
    CHECK(texts(left_in(folder.path)) == texts(samples()));
}

// --- what it leaves

TEST_CASE("a journal belongs to its process while that lives, and to the next one then", "[journal]") {
    TemporaryFolder folder;
    {
        auto const journal = LedgerJournal::create(folder.file("journals"), 7).value();
        journal->add(frame_of(samples()));
        CHECK(JournalFile::left_behind(folder.file("journals")).empty());
    }
    CHECK(texts(left_in(folder.file("journals"))) == texts(samples()));
    auto const mode = std::filesystem::status(only_file(folder.file("journals"))).permissions();
    CHECK(mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}

TEST_CASE("of a torn file everything before the tear counts", "[journal]") {
    TemporaryFolder folder;
    std::uintmax_t before_last = 0;
    {
        auto file = JournalFile::create(folder.path, 7, 1).value();
        REQUIRE(file.append(frame_of({samples()[0]})));
        before_last = 16 + file.end();
        REQUIRE(file.append(frame_of({samples()[2]})));
    }
    auto const path = only_file(folder.path);
    SECTION("cut anywhere in its last frame") {
        auto const cut = GENERATE(0, 1, 7, 8, 9, 40, 100);
        std::filesystem::resize_file(path, before_last + static_cast<std::uintmax_t>(cut));
    }
    SECTION("damaged there") {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(before_last + 20));
        file.put('\x7F');
    }
    CHECK(texts(left_in(folder.path)) == texts({samples()[0]}));
}

TEST_CASE("a file that is no journal is left alone", "[journal]") {
    TemporaryFolder folder;
    std::ofstream(folder.path / "1-1.journal") << "something else";
    std::ofstream(folder.path / "notes.txt") << "slujrnl1";
    CHECK(JournalFile::left_behind(folder.path).empty());
    CHECK(std::filesystem::exists(folder.path / "1-1.journal"));
}

// --- a disk that fails

TEST_CASE("what can't be written is kept, and written to a new file when there is room", "[journal]") {
    TemporaryFolder folder;
    auto const journal = LedgerJournal::create(folder.file("journals"), 7).value();
    journal->add(frame_of({samples()[0]}));
    REQUIRE(journal->sync());
    journal->add(frame_of({samples()[1]}));
    {
        NoLargerFiles const limit(0);
        auto const failed = journal->add(frame_of({samples()[2]}));
        CHECK_FALSE(failed.is_written);
        CHECK(journal->fails());
        CHECK_FALSE(journal->last_error().empty());
        CHECK_FALSE(journal->renew());
        CHECK_FALSE(journal->sync());
    }
    CHECK_FALSE(journal->add(frame_of({samples()[3]})).is_written);  // until renew()
    CHECK(texts(all_of(*journal)) == texts({samples()[0], samples()[1]}));
    REQUIRE(journal->renew());
    CHECK_FALSE(journal->fails());
    CHECK(journal->written() == journal->added());
    CHECK(journal->add(frame_of({samples()[4]})).is_written);
    REQUIRE(journal->sync());
    CHECK(texts(all_of(*journal)) == texts(samples()));
    journal->remove();
    CHECK(std::filesystem::is_empty(folder.file("journals")));
}

TEST_CASE("without a folder to be made there is no journal", "[journal]") {
    TemporaryFolder folder;
    std::ofstream(folder.path / "file") << "in the way";
    CHECK_FALSE(LedgerJournal::create((folder.path / "file" / "journals").string(), 7));
}

}  // namespace
}  // namespace sluice::store

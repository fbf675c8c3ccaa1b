#include "server/store/ledger_journal.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "server/store/event_bytes.hpp"

namespace sluice::store {
namespace {

constexpr std::uint64_t read_at_once = 1024UL * 1024;
constexpr std::size_t usual_event = 160;
constexpr std::size_t most_spare_files = 1;
/// A write to a disk that takes longer to sync might not return, and hold up a worker.
constexpr seconds longest_sync{2};

Instant now() { return std::chrono::steady_clock::now(); }

}  // namespace

Result<std::unique_ptr<LedgerJournal>> LedgerJournal::create(std::string folder, std::int64_t epoch) {
    std::unique_ptr<LedgerJournal> journal(new LedgerJournal(std::move(folder), epoch));
    SLUICE_TRY(auto file, journal->next_file());
    journal->pages_.push_back({.file = std::move(file)});
    return journal;
}

Result<std::shared_ptr<JournalFile>> LedgerJournal::next_file() {
    std::lock_guard const making(making_);
    auto const number = next_number_++;
    std::shared_ptr<JournalFile> file;
    {
        std::lock_guard const lock(mutex_);
        if (!spare_.empty()) {
            file = std::move(spare_.back());
            spare_.pop_back();
        }
    }
    if (file == nullptr) {
        SLUICE_TRY(auto made, JournalFile::create(folder_, epoch_, number));
        return std::make_shared<JournalFile>(std::move(made));
    }
    if (auto const begun = file->begin_anew(number); !begun) {
        file->remove();
        return std::unexpected(begun.error());
    }
    return file;
}

void LedgerJournal::fail(Error const& error) {
    fails_ = true;
    last_error_ = error.detail.str();
    for (auto& page : pages_) page.is_sound = false;
}

LedgerJournal::Added LedgerJournal::add(std::string frame) {
    std::lock_guard const lock(mutex_);
    if (!fails_) write(frame);
    added_ += size_in_file(frame);
    if (!fails_) written_ = added_.load();
    bool const is_first = unsynced_.empty();
    unsynced_.push_back({.end = added_, .bytes = std::move(frame)});
    return {.end = added_, .is_written = !fails_, .is_first = is_first};
}

void LedgerJournal::write(std::string const& frame) {
    if (sync_began_ != never && now() - sync_began_ > longest_sync) {
        return fail(Error{.kind = ErrorKind::ledger_unavailable, .detail = "the disk does not answer"});
    }
    if (auto const appended = pages_.back().file->append(frame); !appended) fail(appended.error());
}

std::string LedgerJournal::last_error() const {
    std::lock_guard const lock(mutex_);
    return last_error_;
}

// --- syncing

/// Files with something behind synced_.
std::vector<std::shared_ptr<JournalFile>> LedgerJournal::unsynced_files() const {
    std::vector<std::shared_ptr<JournalFile>> files;
    for (auto page = pages_.rbegin(); page != pages_.rend(); ++page) {
        files.push_back(page->file);
        if (page->begin <= synced_) break;
    }
    return files;
}

Result<> LedgerJournal::sync() {
    std::vector<std::shared_ptr<JournalFile>> files;
    std::uint64_t until = 0;
    {
        std::lock_guard const lock(mutex_);
        if (fails_) return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable, .detail = last_error_});
        if (written_ == synced_) return {};
        until = written_;
        files = unsynced_files();
        sync_began_ = now();
    }
    Result<> synced;
    for (auto const& file : files) {
        if (synced) synced = file->sync();
    }
    std::deque<Frame> done;
    std::lock_guard const lock(mutex_);
    sync_began_ = never;
    if (!synced) {
        fail(synced.error());
        return synced;
    }
    synced_ = until;
    while (!unsynced_.empty() && unsynced_.front().end <= until) {
        done.push_back(std::move(unsynced_.front()));
        unsynced_.pop_front();
    }
    return {};
}

Result<> LedgerJournal::renew() {
    SLUICE_TRY(auto file, next_file());
    std::lock_guard const lock(mutex_);
    for (auto const& frame : unsynced_) {
        if (auto const appended = file->append(frame.bytes); !appended) {
            file->remove();
            return appended;
        }
    }
    while (!pages_.empty() && pages_.back().begin >= synced_) {  // all of it stands in the new one
        pages_.back().file->remove();
        pages_.pop_back();
    }
    pages_.push_back({.file = std::move(file), .begin = synced_});
    written_ = added_.load();
    fails_ = false;
    return {};
}

// --- reading

Result<JournalEvents> read_events(JournalFile const& file, std::uint64_t from, std::uint64_t to) {
    JournalEvents found{.end = from};
    found.events.reserve(static_cast<std::size_t>(std::min(to - from, read_at_once)) / usual_event);
    for (auto most = read_at_once; found.end == from && from < to; most *= 2) {  // a frame may be larger
        auto const end = std::min(to, from + most);
        SLUICE_TRY(auto const bytes, file.read(from, end));
        std::string_view rest = bytes;
        while (auto const frame = take_frame(rest)) {
            auto events = *frame;
            while (auto event = take_event(events)) found.events.push_back(*std::move(event));
        }
        found.end += bytes.size() - rest.size();
        if (found.end == from && end == to) {
            return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable, .detail = "the journal is damaged"});
        }
    }
    return found;
}

Result<JournalEvents> LedgerJournal::read(std::uint64_t from, std::uint64_t to) const {
    std::shared_ptr<JournalFile> file;
    std::uint64_t begin = 0;
    {
        std::lock_guard const lock(mutex_);
        to = std::min(to, written());
        auto const next = std::ranges::find_if(pages_, [from](Page const& page) { return page.begin > from; });
        if (next != pages_.end()) to = std::min(to, next->begin);
        auto const& page = *std::prev(next);
        file = page.file;
        begin = page.begin;
    }
    if (from >= to) return JournalEvents{.end = from};
    SLUICE_TRY(auto found, read_events(*file, from - begin, to - begin));
    found.end += begin;
    return found;
}

std::uint64_t LedgerJournal::first() const {
    std::lock_guard const lock(mutex_);
    return pages_.front().begin;
}

std::uint64_t LedgerJournal::page_size() const {
    std::lock_guard const lock(mutex_);
    return written_ - pages_.back().begin;
}

Result<> LedgerJournal::turn_page() {
    SLUICE_TRY(auto file, next_file());
    std::lock_guard const lock(mutex_);
    if (fails_) {
        spare_.push_back(std::move(file));  // for renew()
    } else {
        pages_.push_back({.file = std::move(file), .begin = added_});
    }
    return {};
}

bool LedgerJournal::has_page_before(std::uint64_t position) const {
    std::lock_guard const lock(mutex_);
    return pages_.size() > 1 && pages_[1].begin <= position;
}

void LedgerJournal::drop_pages_before(std::uint64_t position) {
    std::lock_guard const lock(mutex_);
    while (pages_.size() > 1 && pages_[1].begin <= position) {
        auto const page = std::move(pages_.front());
        pages_.pop_front();
        if (page.is_sound && spare_.size() < most_spare_files) {
            spare_.push_back(page.file);
        } else {
            page.file->remove();
        }
    }
}

void LedgerJournal::remove() {
    std::lock_guard const lock(mutex_);
    for (auto& page : pages_) page.file->remove();
    for (auto& file : spare_) file->remove();
}

}  // namespace sluice::store

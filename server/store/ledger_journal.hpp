#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/types/clock.hpp"
#include "core/types/result.hpp"
#include "server/store/journal_file.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice::store {

struct JournalEvents {
    std::vector<LedgerEvent> events{};
    std::uint64_t end = 0;  ///< the position behind them
};
/// The events of the frames between both positions of `file`, or of some of them: not all at once.
Result<JournalEvents> read_events(JournalFile const& file, std::uint64_t from, std::uint64_t to);

/// What one process says of its calls, before a store has it. What is written survives the end of the process, what is
/// synced the end of the machine. Workers add frames of events (event_bytes.hpp), one thread syncs, one reads what a
/// store shall have and drops files of which it has everything.
///
/// Positions count the bytes of all frames since the process began, and lie between frames.
/// Errors: ledger_unavailable.
class LedgerJournal {
public:
    /// An empty folder: in memory, and nothing survives.
    static Result<std::unique_ptr<LedgerJournal>> create(std::string folder, std::int64_t epoch);

    struct Added {
        std::uint64_t end = 0;    ///< the position behind it
        bool is_written = false;  ///< false: it is kept in memory until renew()
        bool is_first = false;    ///< that is not synced
    };
    /// Thread: any; a write() to a file.
    Added add(std::string frame);

    std::uint64_t added() const { return added_; }
    std::uint64_t written() const { return written_; }
    std::uint64_t synced() const { return synced_; }
    bool is_in_memory() const { return folder_.empty(); }
    /// After a failed write or sync, or when the disk has not answered for a while, nothing is written any more, until
    /// renew().
    bool fails() const { return fails_; }
    std::string last_error() const;

    // --- the thread that syncs

    /// All that is written by now. Blocks.
    Result<> sync();
    /// Writes what was not synced to a new file, and goes on there. Blocks.
    Result<> renew();

    // --- the thread that reads

    /// What is written between both, or a part of it; empty: nothing.
    Result<JournalEvents> read(std::uint64_t from, std::uint64_t to) const;
    /// The position of the first event that can still be read.
    std::uint64_t first() const;
    /// How much stands in the file that is written to.
    std::uint64_t page_size() const;
    /// What is added from now on goes to another file, so that the present one can be dropped. Blocks.
    Result<> turn_page();
    /// Whether a file has nothing behind `position`, and is not written to.
    bool has_page_before(std::uint64_t position) const;
    /// What is before `position` is safe elsewhere: such files are used again, or removed.
    void drop_pages_before(std::uint64_t position);
    /// Everything is safe elsewhere.
    void remove();

private:
    struct Page {
        std::shared_ptr<JournalFile> file{};
        std::uint64_t begin = 0;  ///< its position
        bool is_sound = true;     ///< no: something failed while it was written to
    };
    struct Frame {
        std::uint64_t end = 0;
        std::string bytes{};
    };

    LedgerJournal(std::string folder, std::int64_t epoch) : folder_(std::move(folder)), epoch_(epoch) {}
    Result<std::shared_ptr<JournalFile>> next_file();
    std::vector<std::shared_ptr<JournalFile>> unsynced_files() const;
    void fail(Error const& error);
    void write(std::string const& frame);

    std::string const folder_;
    std::int64_t const epoch_;
    std::uint64_t next_number_ = 1;  ///< of a file; guarded by making_
    std::mutex making_;              ///< one at a time makes a file
    mutable std::mutex mutex_;       ///< guards what follows
    std::deque<Page> pages_;         ///< never empty; the last one is written to
    std::vector<std::shared_ptr<JournalFile>> spare_;
    std::deque<Frame> unsynced_;
    // Changed under mutex_ alone; read without.
    std::atomic<std::uint64_t> added_ = 0;
    std::atomic<std::uint64_t> written_ = 0;
    std::atomic<std::uint64_t> synced_ = 0;
    std::atomic<bool> fails_ = false;
    Instant sync_began_ = never;  ///< never: none is under way
    std::string last_error_;
};

}  // namespace sluice::store

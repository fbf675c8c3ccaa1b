#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "server/store/bell.hpp"
#include "server/store/ledger_journal.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice::store {

/// Where a reservation has to stand before its call is made.
enum class RecordedIn : std::uint8_t {
    journal,  ///< of this process, beside a store that is a file on the same disk
    store,    ///< that others share and that outlives this machine
};

struct LedgerWriterOptions {
    RecordedIn recorded_in = RecordedIn::journal;
    /// Empty: in memory; so is the journal beside a store of others, where the folder can't be made.
    std::string journal_folder{};
    std::size_t most_waiting = 100'000;  ///< events for the store; beyond that calls are refused, settlements never
    bool allow_if_unavailable = false;   ///< calls go on while the store fails; the journal keeps them until it is back
    milliseconds sync_every{4};          ///< of the journal, at most so often
    milliseconds sync_within{20};        ///< of what nobody waits for
    milliseconds append_every{20};       ///< to the store, at most so often, where nobody waits for it
    milliseconds append_for_others{5};   ///< instead, while another process looks at it
    milliseconds recorded_within{1'000};
    milliseconds durable_within{5'000};
    milliseconds backoff_first{200};  ///< between two attempts at what fails
    milliseconds backoff_most{2'000};
    milliseconds heartbeat_every{1'000};
    milliseconds alive_within{5'000};
    std::uint64_t page_bytes = 4'000'000;  ///< of a file of the journal; then it goes on in another one
    milliseconds page_time{1'000};         ///< after so long without events, too
    /// Told when the ledger begins to fail (with the reason), and when it works again (null). Thread: one of the
    /// writer's, one at a time.
    std::function<void(Error const* failure)> on_change{};
};

/// Each only grows.
struct LedgerCounts {
    std::int64_t begun = 0;     ///< calls that were given out
    std::int64_t refused = 0;   ///< and those that were not, or could not be written
    std::int64_t settled = 0;   ///< a call was settled, or ended without it
    std::int64_t answered = 0;  ///< of these: with a 2xx of the upstream
    // What the store has taken.
    std::int64_t calls_written = 0;
    std::int64_t settlements_written = 0;
    std::int64_t answered_written = 0;
};

/// The writer as it stands, for metrics.
struct LedgerWriterStatus {
    LedgerCounts counts{};
    std::int64_t events_written = 0;  ///< in the store
    std::int64_t commits = 0;
    std::int64_t syncs = 0;
    std::int64_t failures = 0;   ///< of the store, or the journal
    std::int64_t recovered = 0;  ///< calls of processes that are gone, settled by this one
    std::int64_t waiting = 0;    ///< events that the store does not have yet
    bool failing = false;
    std::string last_error{};
};

class LedgerDesk;

/// Writes the ledger beside the request path. What workers say (ledger_desk.hpp) goes to a journal at once. Of three
/// threads one syncs the journal; one gives the store what stands in it, a batch at a time, and looks after a store
/// that fails; one keeps up the heartbeat and settles what processes that are gone have left open. While the store or
/// the journal fails, calls are refused at once (or allowed, where only the store fails), and what belongs to calls
/// that were made is kept until they are back: nothing is lost, and as the store takes every event once, nothing is
/// counted twice. What a process leaves in its journal, the next one gives to the store.
///
/// Each process writes under an epoch of its own, also two that serve side by side during an upgrade.
/// Thread: any. The store outlives it; it outlives its desks.
class LedgerWriter {
public:
    LedgerWriter(LedgerStore& store, LedgerWriterOptions options);
    LedgerWriter(LedgerWriter const&) = delete;
    LedgerWriter& operator=(LedgerWriter const&) = delete;
    /// As close(), at once.
    ~LedgerWriter();

    /// Gives the store what earlier processes left in their journals, settles what they left open, and starts the
    /// threads; blocks until then, so that sums of the store are right afterwards. Errors: ledger_unavailable, unless
    /// that is allowed.
    Result<> start();

    /// There is no desk any more: writes and syncs what was said, and ends the threads. Blocks. What the store can't
    /// take until `deadline` stays in the journal. Errors: ledger_unavailable, if it is lost.
    Result<> close(Instant deadline);

    /// Whether another process on the same store counts what this one uses, and wants to know soon.
    void others_look(bool yes) { others_look_ = yes; }

    std::int64_t epoch() const { return epoch_; }
    /// False: what the store could not take goes with the process. After start().
    bool journal_lasts() const { return !journal_->is_in_memory(); }
    LedgerCounts counts() const;
    LedgerWriterStatus status() const;

private:
    friend class LedgerDesk;

    enum class Point : std::uint8_t { recorded, durable };
    enum class Standing : std::uint8_t { awaited, reached, failed };

    // What desks do.
    void open_desk(LedgerDesk& desk);
    void close_desk(LedgerDesk& desk);
    bool takes_calls() const;
    CallId next_call() { return {.epoch = epoch_, .number = next_number_.fetch_add(1, std::memory_order_relaxed)}; }
    LedgerJournal::Added add(std::string frame, std::int64_t events, bool has_calls);
    Standing standing(Point point, std::uint64_t position) const;
    void count_settled(LedgerSettlement const& end);

    // The threads.
    void sync_journal();
    void give_to_store();
    void keep();

    void sync_once();
    void tend_journal();
    Result<> append_written();
    Result<> turn_pages();
    void tend_store();
    Result<> revive();
    void end_giving();
    Result<> settle_in();
    Result<> take_over();
    void beat();

    void store_failed(Error const& error);
    void count_failure(std::string const& reason);
    void tell_change();
    void tell_desks();
    void count_appended(std::vector<LedgerEvent> const& events);

    LedgerStore& store_;
    LedgerWriterOptions const options_;
    std::int64_t const epoch_;
    std::unique_ptr<LedgerJournal> journal_;
    std::atomic<std::int64_t> next_number_ = 1;

    std::atomic<bool> closing_ = false;
    std::atomic<bool> given_ = false;  ///< the thread that gives to the store has ended
    std::atomic<Instant> deadline_ = never;
    std::atomic<bool> store_fails_ = false;
    std::atomic<bool> others_look_ = false;
    std::atomic<std::uint64_t> appended_ = 0;  ///< the position up to which the store has everything
    std::atomic<std::int64_t> events_said_ = 0;
    std::atomic<bool> must_sync_ = false;  ///< somebody waits for it

    mutable std::mutex mutex_;  ///< guards what follows
    std::vector<LedgerDesk*> desks_;
    std::string last_error_;
    std::mutex telling_;  ///< guards told_failing_, and that on_change is called by one at a time
    bool told_failing_ = false;

    // The thread that syncs.
    milliseconds journal_backoff_{0};  ///< 0: the journal works
    Instant next_renewal_{};
    Instant last_sync_{};

    // The thread that gives to the store.
    std::uint64_t next_ = 0;   ///< the position of what the store gets next
    bool settled_in_ = false;  ///< what earlier processes have left is written
    bool lost_ = false;
    milliseconds backoff_{0};  ///< 0: the store works
    Instant next_try_{};
    Instant last_append_{};

    // The thread that keeps.
    Instant next_beat_{};
    Instant next_recovery_{};

    struct Counters {
        std::atomic<std::int64_t> begun = 0, refused = 0, settled = 0, answered = 0, calls_written = 0,
                                  settlements_written = 0, answered_written = 0, events_written = 0, commits = 0,
                                  syncs = 0, failures = 0, recovered = 0;
    };
    Counters counters_;
    Bell sync_bell_;
    Bell store_bell_;
    Bell keep_bell_;
    std::thread syncing_;
    std::thread giving_;
    std::thread keeping_;
};

}  // namespace sluice::store

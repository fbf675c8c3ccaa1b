#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/pipeline/ledger.hpp"
#include "server/store/ledger_queue.hpp"
#include "server/store/ledger_spool.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice::store {

struct LedgerWriterOptions {
    std::size_t most_queued = 100'000;  ///< events; beyond that calls are refused, settlements never
    LedgerPace pace{};
    milliseconds sync_wait{10};  ///< of what was committed and nobody waits for, at most
    milliseconds recorded_within{1'000};
    milliseconds durable_within{5'000};
    milliseconds backoff_first{200};  ///< between two attempts at a store that fails
    milliseconds backoff_most{2'000};
    milliseconds heartbeat_every{1'000};
    milliseconds alive_within{5'000};
    bool allow_if_unavailable = false;  ///< calls go on while the store fails, and stand in the spool until it is back
    /// For events that the store can't take: while it fails, if that is allowed, and when the process ends. Empty:
    /// none.
    std::string spool_folder{};
    /// Told when the store begins to fail (with the reason), and when it is back (null). Thread: one of the writer's.
    std::function<void(Error const* failure)> on_change{};
};

/// Each only grows.
struct LedgerCounts {
    std::int64_t begun = 0;     ///< reserve() gave a call
    std::int64_t refused = 0;   ///< it gave none, or the call could not be recorded
    std::int64_t settled = 0;   ///< settle() was told, or a call ended without it
    std::int64_t answered = 0;  ///< of these: with a 2xx of the upstream
    // What the store has taken; a spool is not the store.
    std::int64_t calls_written = 0;
    std::int64_t settlements_written = 0;
    std::int64_t answered_written = 0;
};

/// The writer as it stands, for metrics.
struct LedgerWriterStatus {
    LedgerCounts counts{};
    std::int64_t events_written = 0;
    std::int64_t commits = 0;
    std::int64_t syncs = 0;
    std::int64_t failures = 0;   ///< of the store, or the spool
    std::int64_t recovered = 0;  ///< calls of processes that are gone, settled by this one
    std::size_t queued = 0;      ///< events
    Duration oldest{0};          ///< how long the first of them has been there
    std::size_t kept = 0;        ///< events in memory until the store is back
    std::uint64_t spool_bytes = 0;
    bool failing = false;
    std::string last_error{};
};

/// Writes the ledger beside the request path. Workers put events into a queue; one thread commits what has gathered,
/// another one syncs, keeps up the heartbeat, settles what processes that are gone have left open, and looks after a
/// store that fails. While it fails, calls are refused at once (or spooled), and what belongs to calls that were made
/// is kept until it is back: nothing is lost, and as keys are unique nothing is written twice.
///
/// Each process writes under an epoch of its own, also two that serve side by side during an upgrade.
/// Thread: any. The store outlives it; it outlives its calls; who waits in a call needs its worker until then.
class LedgerWriter final : public Ledger {
public:
    LedgerWriter(LedgerStore& store, LedgerWriterOptions options);
    LedgerWriter(LedgerWriter const&) = delete;
    LedgerWriter& operator=(LedgerWriter const&) = delete;
    /// As close(), at once.
    ~LedgerWriter() override;

    /// Writes what earlier processes have spooled, settles what they left open, and starts the threads; blocks until
    /// then, so that sums of the store are right afterwards. Errors: ledger_unavailable, unless that is allowed.
    Result<> start();

    Result<std::unique_ptr<LedgerCall>> reserve(LedgerReservation reservation, Clock& clock) override;

    /// Takes no calls any more, writes and syncs what was put, and ends the threads. Blocks. What can't be written
    /// until `deadline` goes to the spool. Errors: ledger_unavailable, if it could be put nowhere.
    Result<> close(Instant deadline);

    std::int64_t epoch() const { return epoch_; }
    LedgerCounts counts() const;
    LedgerWriterStatus status() const;

private:
    class Call;

    struct Commit {
        std::uint64_t number = 0;
        LedgerBatch batch{};
    };

    enum class Tried : std::uint8_t { no, yes };

    // What calls do.
    void put(LedgerEvent event, std::shared_ptr<CallProgress> call);
    void count_settled(LedgerSettlement const& end);
    bool is_durable(CallProgress const& call) const { return call.commit <= synced_; }
    void await_sync(std::shared_ptr<CallProgress> call);

    // Both threads.
    void fail(Error const& error);
    void ring();

    // The thread that writes.
    void write_events();
    void handle(LedgerBatch batch);
    void commit(LedgerBatch batch);
    void remember(LedgerBatch batch);
    void put_aside(LedgerBatch batch, Tried tried);
    void refuse(LedgerBatch batch, Tried tried);
    bool spool(LedgerBatch const& batch);
    Result<> catch_up();
    Result<> append_unsynced();
    Result<> append_spooled(LedgerCounts& written);
    void caught_up(LedgerCounts const& written);
    void save_rest();
    void keep_in_memory(LedgerEvent event, std::shared_ptr<CallProgress> call);

    // The thread that keeps.
    void keep();
    Instant next_duty();
    bool must_sync();
    void sync();
    void tell_synced(std::uint64_t commit);
    void fail_waiting();
    void beat();
    void tend_failing();
    Result<> revive();
    Result<> settle_in();

    LedgerStore& store_;
    LedgerWriterOptions const options_;
    bool const may_spool_;  ///< calls
    std::int64_t const epoch_;
    LedgerQueue queue_;
    std::atomic<std::int64_t> next_number_ = 1;

    std::atomic<bool> failing_ = false;  ///< the store; changed by the thread that finds out
    std::atomic<bool> revived_ = false;  ///< the store answers again, and the writing thread has to catch up
    std::atomic<bool> closing_ = false;
    std::atomic<bool> written_ = false;  ///< the writing thread has ended
    std::atomic<Instant> deadline_ = never;

    std::atomic<std::uint64_t> committed_ = 0;
    std::atomic<std::uint64_t> synced_ = 0;
    mutable std::mutex keep_mutex_;  ///< guards what follows
    std::condition_variable keep_bell_;
    std::deque<Commit> unsynced_;
    Instant unsynced_since_ = never;
    std::vector<std::shared_ptr<CallProgress>> waiting_;  ///< for a sync
    std::string last_error_;
    bool ring_ = false;

    // The writing thread's.
    LedgerBatch kept_;
    std::optional<LedgerSpool> spool_;
    bool lost_ = false;

    // The keeping thread's.
    bool settled_in_ = false;  ///< what earlier processes have left is written
    bool log_intact_ = true;   ///< what was committed can still be synced: the store was not opened anew since
    Instant next_beat_{};
    Instant next_recovery_{};
    Instant next_try_{};
    milliseconds backoff_{0};  ///< 0: the store works

    struct Counters {
        std::atomic<std::int64_t> begun = 0, refused = 0, settled = 0, answered = 0, calls_written = 0,
                                  settlements_written = 0, answered_written = 0, events_written = 0, commits = 0,
                                  syncs = 0, failures = 0, recovered = 0;
        std::atomic<std::size_t> kept = 0;
        std::atomic<std::uint64_t> spool_bytes = 0;
    };
    Counters counters_;
    std::thread writing_thread_;
    std::thread keeping_thread_;
};

}  // namespace sluice::store

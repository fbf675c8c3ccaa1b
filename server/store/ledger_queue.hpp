#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "core/pipeline/ports.hpp"
#include "core/types/clock.hpp"
#include "server/store/ledger_store.hpp"

namespace sluice::store {

/// How far the writing of one call has come: what its request's worker and the threads that write tell each other.
struct CallProgress {
    enum class Stage : std::uint8_t { queued, recorded, refused };
    std::atomic<Stage> stage = Stage::queued;
    std::atomic<std::uint64_t> commit = 0;  ///< the one with its reservation; 0: none in the store
    std::atomic<bool> sync_failed = false;

    std::shared_ptr<Gate> gate{};  ///< the worker's; others use it only while `awaited`
    std::atomic<bool> awaited = false;

    /// Tells the worker, if it waits. Thread: any.
    void wake() const {
        if (awaited) gate->open();
    }
};

/// Events in their order, each with the call that it belongs to (null: one of another process).
struct LedgerBatch {
    std::vector<LedgerEvent> events{};
    std::vector<std::shared_ptr<CallProgress>> calls{};

    bool empty() const { return events.empty(); }
    std::size_t size() const { return events.size(); }
    void add(LedgerEvent event, std::shared_ptr<CallProgress> call) {
        events.push_back(std::move(event));
        calls.push_back(std::move(call));
    }
    void add(LedgerBatch more);
};

/// How long events wait for company, so that they share one commit.
struct LedgerPace {
    std::chrono::microseconds between_commits{1'000};  ///< at least, while several calls come at a time
    std::chrono::microseconds between_single_calls{200};
    milliseconds settlement_wait{5};  ///< of events that nobody waits for, at most
};

/// What workers say and one thread writes down. Thread: any puts, one takes.
class LedgerQueue {
public:
    LedgerQueue(std::size_t most, LedgerPace pace) : most_(most), pace_(pace) {}

    /// False: there is no room, or the store fails.
    bool put_reservation(Reserve event, std::shared_ptr<CallProgress> call);
    /// Always: what belongs to a call that was made.
    void put(LedgerEvent event, std::shared_ptr<CallProgress> call);

    /// Everything, once it has waited for company; empty when nothing came until `until`, or wake() was called.
    LedgerBatch take(Instant until);
    /// Everything, at once.
    LedgerBatch take_now();

    /// From now on put_reservation() fails; or not any more.
    void refuse(bool reservations);
    /// Ends the current take(), or the next one, early.
    void wake();

    std::size_t size() const;
    /// How long the first one has been there.
    Duration oldest() const;

private:
    /// Which event the one that takes wants to be woken for.
    enum class Waiting : std::uint8_t { for_nothing, for_reservations, for_anything };

    void wait(std::unique_lock<std::mutex>& lock, Waiting what, Instant until);
    Instant due() const;
    LedgerBatch hand_over();

    std::size_t const most_;
    LedgerPace const pace_;
    mutable std::mutex mutex_;
    std::condition_variable bell_;
    LedgerBatch batch_;
    std::size_t reservations_ = 0;
    std::size_t reservations_before_ = 0;  ///< in what was taken last
    Instant first_put_{};
    Instant last_taken_{};
    Waiting waiting_ = Waiting::for_nothing;
    bool refusing_ = false;
    bool woken_ = false;
};

}  // namespace sluice::store

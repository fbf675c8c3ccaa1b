#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "server/store/ledger_writer.hpp"

/// The thread that keeps: syncs, heartbeats, and a store that fails.
namespace sluice::store {
namespace {

constexpr milliseconds longest_nap{1'000};

Instant now() { return std::chrono::steady_clock::now(); }
WallTime wall_time() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

}  // namespace

void LedgerWriter::keep() {
    while (!written_) {
        auto const until = next_duty();
        {
            std::unique_lock lock(keep_mutex_);
            keep_bell_.wait_until(lock, until, [this] { return ring_; });
            ring_ = false;
        }
        if (failing_) {
            tend_failing();
            continue;
        }
        log_intact_ = true;
        backoff_ = milliseconds(0);
        if (must_sync()) sync();
        if (now() >= next_beat_) beat();
    }
    if (failing_) return fail_waiting();
    sync();
    std::ignore = store_.heartbeat(epoch_, WallTime{});  // else others see soon enough that it is gone
}

Instant LedgerWriter::next_duty() {
    if (failing_) return backoff_ == milliseconds(0) ? now() : revived_ ? now() + longest_nap : next_try_;
    std::lock_guard const lock(keep_mutex_);
    if (!waiting_.empty()) return now();
    return unsynced_.empty() ? next_beat_ : std::min(next_beat_, unsynced_since_ + options_.sync_wait);
}

bool LedgerWriter::must_sync() {
    std::lock_guard const lock(keep_mutex_);
    return !waiting_.empty() || (!unsynced_.empty() && now() >= unsynced_since_ + options_.sync_wait);
}

void LedgerWriter::sync() {
    auto const commit = committed_.load();
    if (auto const synced = store_.sync(); !synced) {
        log_intact_ = false;
        fail(synced.error());
        return fail_waiting();
    }
    ++counters_.syncs;
    tell_synced(commit);
    if (auto const tidied = store_.tidy(); !tidied) fail(tidied.error());
}

void LedgerWriter::tell_synced(std::uint64_t commit) {
    std::vector<Commit> done;
    std::vector<std::shared_ptr<CallProgress>> ready;
    {
        std::lock_guard const lock(keep_mutex_);
        synced_ = std::max(commit, synced_.load());
        while (!unsynced_.empty() && unsynced_.front().number <= commit) {
            done.push_back(std::move(unsynced_.front()));
            unsynced_.pop_front();
        }
        unsynced_since_ = unsynced_.empty() ? never : now();
        auto const later =
            std::ranges::partition(waiting_, [this](auto const& call) { return !is_durable(*call); }).begin();
        ready.assign(std::move_iterator(later), std::move_iterator(waiting_.end()));
        waiting_.erase(later, waiting_.end());
    }
    for (auto const& call : ready) call->wake();
}

void LedgerWriter::fail_waiting() {
    std::vector<std::shared_ptr<CallProgress>> waiting;
    {
        std::lock_guard const lock(keep_mutex_);
        waiting.swap(waiting_);
    }
    for (auto const& call : waiting) {
        call->sync_failed = true;
        call->wake();
    }
}

void LedgerWriter::beat() {
    next_beat_ = now() + options_.heartbeat_every;
    if (auto const beaten = store_.heartbeat(epoch_, wall_time()); !beaten) return fail(beaten.error());
    if (now() < next_recovery_) return;
    next_recovery_ = now() + options_.alive_within;
    auto const recovered = store_.recover(epoch_, wall_time(), options_.alive_within);
    if (!recovered) return fail(recovered.error());
    counters_.recovered += *recovered;
}

void LedgerWriter::tend_failing() {
    bool waiting = false;
    {
        std::lock_guard const lock(keep_mutex_);
        waiting = !waiting_.empty();
    }
    // It may be that nothing can be added, while what is there can still be synced.
    if (waiting && log_intact_) return sync();
    fail_waiting();
    if (revived_) return;
    if (backoff_ == milliseconds(0)) {
        backoff_ = options_.backoff_first;
        next_try_ = now() + backoff_;
    }
    if (now() < next_try_) return;
    backoff_ = std::min(backoff_ * 2, options_.backoff_most);
    if (auto const revived = revive(); !revived) {
        fail(revived.error());
        next_try_ = now() + backoff_;
        return;
    }
    revived_ = true;
    next_try_ = now() + backoff_;
    queue_.wake();
}

/// After it the store holds what was synced, and perhaps no more.
Result<> LedgerWriter::revive() {
    log_intact_ = false;
    SLUICE_CHECK(store_.reopen());
    if (!settled_in_) SLUICE_CHECK(settle_in());
    SLUICE_CHECK(store_.heartbeat(epoch_, wall_time()));
    return store_.sync();
}

}  // namespace sluice::store

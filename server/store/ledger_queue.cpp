#include "server/store/ledger_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::store {
namespace {

Instant now() { return std::chrono::steady_clock::now(); }

}  // namespace

void LedgerBatch::add(LedgerBatch more) {
    events.insert(events.end(), std::make_move_iterator(more.events.begin()),
                  std::make_move_iterator(more.events.end()));
    calls.insert(calls.end(), std::make_move_iterator(more.calls.begin()), std::make_move_iterator(more.calls.end()));
}

bool LedgerQueue::put_reservation(Reserve event, std::shared_ptr<CallProgress> call) {
    std::unique_lock lock(mutex_);
    if (refusing_ || batch_.size() >= most_) return false;
    ++reservations_;
    batch_.add(std::move(event), std::move(call));
    if (batch_.size() == 1) first_put_ = now();
    bool const ring = waiting_ != Waiting::for_nothing;
    waiting_ = Waiting::for_nothing;
    lock.unlock();
    if (ring) bell_.notify_one();
    return true;
}

void LedgerQueue::put(LedgerEvent event, std::shared_ptr<CallProgress> call) {
    std::unique_lock lock(mutex_);
    batch_.add(std::move(event), std::move(call));
    if (batch_.size() == 1) first_put_ = now();
    bool const ring = waiting_ == Waiting::for_anything;
    if (ring) waiting_ = Waiting::for_nothing;
    lock.unlock();
    if (ring) bell_.notify_one();
}

void LedgerQueue::wait(std::unique_lock<std::mutex>& lock, Waiting what, Instant until) {
    waiting_ = what;
    bell_.wait_until(lock, until);
    waiting_ = Waiting::for_nothing;
}

Instant LedgerQueue::due() const {
    bool const single = std::max(reservations_, reservations_before_) <= 1;
    auto const next_commit = last_taken_ + (single ? pace_.between_single_calls : pace_.between_commits);
    return reservations_ > 0 ? next_commit : std::max(next_commit, first_put_ + pace_.settlement_wait);
}

LedgerBatch LedgerQueue::take(Instant until) {
    std::unique_lock lock(mutex_);
    while (batch_.empty() && !woken_ && now() < until) wait(lock, Waiting::for_anything, until);
    while (!batch_.empty() && !woken_ && now() < due()) {
        wait(lock, reservations_ > 0 ? Waiting::for_nothing : Waiting::for_reservations, due());
    }
    woken_ = false;
    return hand_over();
}

LedgerBatch LedgerQueue::take_now() {
    std::lock_guard const lock(mutex_);
    return hand_over();
}

LedgerBatch LedgerQueue::hand_over() {
    last_taken_ = now();
    reservations_before_ = std::exchange(reservations_, 0);
    LedgerBatch next;
    // The next one is about as large: vectors of events are not moved about while they grow.
    next.events.reserve(batch_.size());
    next.calls.reserve(batch_.size());
    return std::exchange(batch_, std::move(next));
}

void LedgerQueue::refuse(bool reservations) {
    std::lock_guard const lock(mutex_);
    refusing_ = reservations;
}

void LedgerQueue::wake() {
    {
        std::lock_guard const lock(mutex_);
        woken_ = true;
    }
    bell_.notify_one();
}

std::size_t LedgerQueue::size() const {
    std::lock_guard const lock(mutex_);
    return batch_.size();
}

Duration LedgerQueue::oldest() const {
    std::lock_guard const lock(mutex_);
    return batch_.empty() ? Duration(0) : now() - first_put_;
}

}  // namespace sluice::store

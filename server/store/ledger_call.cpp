#include "server/store/ledger_call.hpp"

#include <chrono>
#include <random>
#include <utility>

namespace sluice::store {
namespace {

constexpr seconds retry_after{5};

Error unavailable(std::string detail) {
    return Error{
        .kind = ErrorKind::ledger_unavailable, .detail = std::move(detail), .retry_after = milliseconds(retry_after)};
}

WallTime wall_time() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

bool answered(LedgerSettlement const& end) { return end.upstream_status >= 200 && end.upstream_status < 300; }

}  // namespace

Result<std::unique_ptr<LedgerCall>> LedgerWriter::reserve(LedgerReservation reservation, Clock& clock) {
    CallId const id{.epoch = epoch_, .number = next_number_.fetch_add(1, std::memory_order_relaxed)};
    std::int64_t const requests = reservation.attempt <= 1 ? 1 : 0;
    auto progress = std::make_shared<CallProgress>();
    if (closing_ || !queue_.put_reservation({.id = id, .call = std::move(reservation)}, progress)) {
        ++counters_.refused;
        return std::unexpected(unavailable(failing_ ? "the store fails" : "too much waits to be written"));
    }
    ++counters_.begun;
    return std::make_unique<Call>(*this, id, requests, clock, std::move(progress));
}

void LedgerWriter::put(LedgerEvent event, std::shared_ptr<CallProgress> call) {
    queue_.put(std::move(event), std::move(call));
}

void LedgerWriter::count_settled(LedgerSettlement const& end) {
    ++counters_.settled;
    if (answered(end)) ++counters_.answered;
}

void LedgerWriter::await_sync(std::shared_ptr<CallProgress> call) {
    {
        std::lock_guard const lock(keep_mutex_);
        waiting_.push_back(std::move(call));
    }
    ring();
}

LedgerWriter::Call::~Call() {
    if (!settled_) end({.at = wall_time(), .result = AttemptResult::cancelled}, 0);
}

/// Others look at the gate only after they have seen `awaited`.
void LedgerWriter::Call::make_gate() {
    if (progress_->awaited) return;
    progress_->gate = clock_.make_gate();
    progress_->awaited = true;
}

Task<Result<>> LedgerWriter::Call::recorded(Cancellation& cancellation) {
    using Stage = CallProgress::Stage;
    if (progress_->stage == Stage::queued) make_gate();
    auto const until = clock_.now() + writer_.options_.recorded_within;
    while (progress_->stage == Stage::queued) {
        auto const opened = co_await progress_->gate->wait(until, cancellation);
        if (!opened) co_return std::unexpected(opened.error());
        // A gate may say no early: it was opened for an earlier wait.
        if (!*opened && clock_.now() >= until)
            co_return std::unexpected(unavailable("the reservation was not written in time"));
    }
    if (progress_->stage == Stage::refused) co_return std::unexpected(unavailable("the reservation was not written"));
    co_return Result<>{};
}

Task<Result<>> LedgerWriter::Call::durable(Cancellation& cancellation) {
    auto is_recorded = co_await recorded(cancellation);
    if (!is_recorded || writer_.is_durable(*progress_)) co_return is_recorded;
    make_gate();
    writer_.await_sync(progress_);
    auto const until = clock_.now() + writer_.options_.durable_within;
    while (!writer_.is_durable(*progress_)) {
        if (progress_->sync_failed) co_return std::unexpected(unavailable("the reservation could not be synced"));
        auto const opened = co_await progress_->gate->wait(until, cancellation);
        if (!opened) co_return std::unexpected(opened.error());
        if (!*opened && clock_.now() >= until)
            co_return std::unexpected(unavailable("the reservation was not synced in time"));
    }
    co_return Result<>{};
}

void LedgerWriter::Call::raise(NanoUsd amount) {
    if (!settled_) writer_.put(Raise{.id = id_, .at = wall_time(), .amount = amount}, progress_);
}

void LedgerWriter::Call::settle(LedgerSettlement const& settlement) { end(settlement, requests_); }

void LedgerWriter::Call::end(LedgerSettlement const& settlement, std::int64_t requests) {
    if (std::exchange(settled_, true)) return;
    writer_.count_settled(settlement);
    writer_.put(Settle{.id = id_, .end = settlement, .requests = requests}, progress_);
}

}  // namespace sluice::store

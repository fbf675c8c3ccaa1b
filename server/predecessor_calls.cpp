#include "server/predecessor_calls.hpp"

#include <algorithm>
#include <utility>

#include "server/store/ledger_writer.hpp"

namespace sluice {

Result<std::vector<store::HourSum>> PredecessorCalls::begin(WallTime since, WallTime now) {
    std::lock_guard const lock(mutex_);
    SLUICE_TRY(auto moment, store_.begin_reading_others(since, epoch_, read_));
    open_.clear();
    count(std::move(moment.others), now);
    return std::move(moment.sums);
}

bool PredecessorCalls::has_begun() const {
    std::lock_guard const lock(mutex_);
    return read_.has_begun;
}

Result<> PredecessorCalls::look(WallTime now) {
    std::lock_guard const lock(mutex_);
    if (!read_.has_begun) return {};
    SLUICE_TRY(auto calls, store_.read_others(epoch_, now - store::LedgerWriterOptions{}.alive_within, read_));
    count(std::move(calls), now);
    return {};
}

void PredecessorCalls::count(std::vector<store::OtherCall> calls, WallTime now) {
    for (auto& told : calls) {
        auto& call = open_[told.id];
        if (!told.payers.empty()) call.payers = std::move(told.payers);
        if (told.used) {
            call.permit.settle(*told.used, now);
            open_.erase(told.id);
            continue;
        }
        call.reserved = told.reserved;
        call.permit = hold(call, now);
    }
}

/// What is held already is given back behind it: at no time is there less.
Permit PredecessorCalls::hold(Call const& call, WallTime now) {
    LimitAccounts accounts;
    for (auto const& payer : call.payers) accounts.push_back(limits_.find(payer));
    return limits_.hold(std::move(accounts), call.reserved, now);
}

void PredecessorCalls::hold_anew(WallTime now) {
    std::lock_guard const lock(mutex_);
    for (auto& [id, call] : open_) call.permit = hold(call, now);
}

bool PredecessorCalls::is_alone() const {
    std::lock_guard const lock(mutex_);
    return open_.empty() &&
           std::ranges::none_of(read_.processes, [](auto const& each) { return each.second.was_alive; });
}

}  // namespace sluice

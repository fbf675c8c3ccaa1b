#pragma once

#include <cstdint>
#include <memory>

#include "server/store/ledger_writer.hpp"

namespace sluice::store {

/// One call of a LedgerWriter. Thread: its request's worker.
class LedgerWriter::Call final : public LedgerCall {
public:
    Call(LedgerWriter& writer, CallId id, std::int64_t requests, Clock& clock, std::shared_ptr<CallProgress> progress)
        : writer_(writer), id_(id), requests_(requests), clock_(clock), progress_(std::move(progress)) {}
    Call(Call const&) = delete;
    Call& operator=(Call const&) = delete;
    ~Call() override;

    Task<Result<>> recorded(Cancellation& cancellation) override;
    Task<Result<>> durable(Cancellation& cancellation) override;
    void raise(NanoUsd amount) override;
    void settle(LedgerSettlement const& settlement) override;

private:
    void make_gate();
    void end(LedgerSettlement const& settlement, std::int64_t requests);

    LedgerWriter& writer_;
    CallId const id_;
    std::int64_t const requests_;  ///< what it counts as
    Clock& clock_;
    std::shared_ptr<CallProgress> progress_;
    bool settled_ = false;
};

}  // namespace sluice::store

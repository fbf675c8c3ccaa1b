#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/pipeline/call_quote.hpp"
#include "core/pipeline/ledger.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/ports.hpp"
#include "core/pipeline/snapshot.hpp"

namespace sluice {

struct RequestRun;

/// The money of one call to one target, and its place in the target's own limits: the most that the call can cost is
/// reserved from everybody who pays, before it is made, and written down; looked after while it streams; settled when
/// it is over. Whatever becomes of the call, its destructor gives back what was not used. Costs nothing where nobody
/// has limits and there is no ledger.
class CallMoney {
public:
    CallMoney();  ///< of a call that nobody counts
    CallMoney(CallMoney&&) noexcept;
    CallMoney& operator=(CallMoney&&) noexcept;
    ~CallMoney();

    struct Call {
        TargetRuntime const& target;
        std::string_view target_model;
        ChatRequest const& chat;
        std::int64_t usual_output = 0;  ///< tokens, of one answer; 0: not known
        bool is_own_key = false;        ///< the client's own key at the provider: none of our money
    };
    /// Whether anybody counts calls of `run` to `target`: else a default CallMoney will do.
    static bool is_needed(RequestRun const& run, TargetRuntime const& target);

    /// What the call counts as.
    static CallQuote quote(Snapshot const& snapshot, Call const& call, UnsupportedPolicy unsupported);

    /// `run` must outlive it. Errors: those of limits, unpriced_model, ledger_unavailable.
    static Result<CallMoney> reserve(RequestRun& run, Call const& call, Instant now);

    /// What the target may be asked for at most, for each choice, where less is affordable than the client would take.
    std::optional<std::int64_t> max_output() const;

    /// Whether anybody counts it: else there is nothing to record, and nothing to wait for.
    bool is_counted() const { return state_ != nullptr; }

    /// Writes the reservation down, for the call that `attempt` describes. It returns when that will survive the end of
    /// this process.
    Task<Result<>> record(Attempt const& attempt, Cancellation& cancellation);

    /// Returns when what was recorded will survive the end of the machine: before a client sees anything of the answer.
    Task<Result<>> durable(Cancellation& cancellation);

    /// A stream has brought so many bytes of text. Errors: insufficient_quota, when it goes beyond what was reserved
    /// and nobody has more: it should be cut.
    Result<> meter(std::uint64_t text_bytes, Instant now);

    /// What the call costs is known, and the client is about to see the end of its answer: it can spend the rest at
    /// once. settle() follows.
    void give_back_rest(NanoUsd cost, Instant now);

    /// The call is over. Adds to `attempt` what it knows.
    void settle(Attempt& attempt, Instant now);

private:
    struct State;
    explicit CallMoney(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace sluice

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/pipeline/outcome.hpp"
#include "core/pipeline/ports.hpp"
#include "core/pipeline/task.hpp"
#include "core/types/limits.hpp"
#include "core/types/nano_usd.hpp"
#include "core/types/usage.hpp"

/// The durable record of what every call reserved and cost, as the request path needs it.
namespace sluice {

/// One call to one target, before it is made. A view of what the request holds.
struct LedgerReservation {
    WallTime at{};
    std::string_view request_id{};
    unsigned attempt = 0;    ///< from 1, in the order of their beginning
    std::string_view key{};  ///< public id; empty: without keys
    std::string_view team{};
    std::map<std::string, std::string> const* tags = nullptr;  ///< null: none
    std::string_view user{};                                   ///< the end user that the request names; empty: none
    std::string_view model{};                                  ///< as configured
    std::string_view provider{};
    std::string_view target_model{};
    std::string_view credential{};
    NanoUsd amount{};  ///< the most that it can cost; 0 where no budget asks for that
};

/// How a call ended.
struct LedgerSettlement {
    WallTime at{};
    NanoUsd cost{};                       ///< what is charged
    std::optional<NanoUsd> sheet_cost{};  ///< by our prices; absent: unknown
    Usage usage{};                        ///< with what the provider says that it charges
    AttemptResult result = AttemptResult::not_sent;
    int upstream_status = 0;
    bool uncertain = false;  ///< nothing tells whether it was billed
    bool unpriced = false;   ///< neither the provider nor our prices say what it costs
};

/// One call's lines in the ledger.
class LedgerCall {
public:
    /// A call that nobody settled (its coroutine was destroyed) is settled as cancelled, for nothing.
    virtual ~LedgerCall() = default;

    /// Waits until the reservation survives the end of this process: before the call is made. Errors:
    /// ledger_unavailable; client_closed and server_shutdown, when cancelled.
    virtual Task<Result<>> recorded(Cancellation& cancellation) = 0;

    /// Waits until it survives the end of the machine: before the client sees anything. Mostly it has happened by then.
    virtual Task<Result<>> durable(Cancellation& cancellation) = 0;

    /// Reserves more, up to `amount` in all. Does not wait.
    virtual void raise(NanoUsd amount) = 0;

    /// Once; later ones are ignored. Does not wait, never fails: what can't be written now is kept and written later.
    virtual void settle(LedgerSettlement const& settlement) = 0;
};

/// What one worker's calls are written down in. Thread: its worker's, of its calls too.
class Ledger {
public:
    virtual ~Ledger() = default;
    /// Begins to write it down; does not wait. Errors: ledger_unavailable, at once while the ledger is known to fail.
    virtual Result<std::unique_ptr<LedgerCall>> reserve(LedgerReservation const& reservation) = 0;
};

}  // namespace sluice

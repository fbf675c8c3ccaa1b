#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "core/pipeline/accounting.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/ports.hpp"
#include "core/pipeline/request.hpp"
#include "core/pipeline/snapshot.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {

/// The request path behind authentication: plan, admit, attempt, stream, settle, record. One per worker. Thread: its
/// worker's. What it is given must outlive it, and also every coroutine that it started (a destroyed one records, too).
class Pipeline {
public:
    Pipeline(Upstream& upstream, Clock& clock, Recorder& recorder, DialectLookup dialects,
             std::shared_ptr<RetryBudget> retry_budget, Accounting accounting = {});

    /// Answers `request` on `client`, whatever happens, and records exactly one Outcome.
    /// `request`, `client` and `cancellation` must live until it returns.
    Task<> handle(ClientRequest const& request, std::shared_ptr<Snapshot const> snapshot, ReplySink& client,
                  Cancellation& cancellation);

    /// One request of whoever has these accounts, under way: what their limits say to that, before anything of it is
    /// read. Nothing: not at once; admit() says why, or waits.
    std::optional<Permit> try_admit(LimitAccounts const& accounts, WallTime now);
    /// Errors: rate_limit_exceeded; client_closed or server_shutdown, when cancelled.
    Task<Result<Permit>> admit(LimitAccounts const& accounts, WallTime now, Cancellation& cancellation);

    /// x-ratelimit-* for them.
    void add_limit_headers(Headers& headers, LimitAccounts const& accounts, WallTime now) const;

private:
    Upstream& upstream_;
    Clock& clock_;
    Recorder& recorder_;
    DialectLookup dialects_;
    std::shared_ptr<RetryBudget> retry_budget_;  ///< shared by all workers
    Accounting accounting_;
};

}  // namespace sluice

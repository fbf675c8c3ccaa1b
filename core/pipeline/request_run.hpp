#pragma once

#include "core/pipeline/accounting.hpp"
#include "core/pipeline/admission.hpp"
#include "core/pipeline/client_stream.hpp"
#include "core/pipeline/pipeline.hpp"
#include "core/pipeline/ports.hpp"
#include "core/pipeline/request.hpp"
#include "core/pipeline/routing.hpp"
#include "core/pipeline/snapshot.hpp"

namespace sluice {

/// What the pipeline of a worker works with.
struct PipelineParts {
    Upstream& upstream;
    Clock& clock;
    Recorder& recorder;
    DialectLookup const& dialects;
    RetryBudget& retry_budget;
    Accounting accounting{};
};

/// What the phases of one request share. Lives in Pipeline::handle(). Its destructor settles and records, so that every
/// request ends in exactly one Outcome, also when its coroutine is destroyed while it waits.
struct RequestRun {
    RequestRun(PipelineParts pipeline_parts, ClientRequest const& client_request, Snapshot const& snapshot_in_force,
               ReplySink& reply, Cancellation& cancel);
    RequestRun(RequestRun const&) = delete;
    RequestRun& operator=(RequestRun const&) = delete;
    ~RequestRun();

    /// Takes over what the choice is made from, and the limits of its model.
    void routed(Routing gathered);

    /// It counts against its payers' limits from now on. False: not at once; admit() says why, or waits.
    bool try_admit(Instant now);
    /// Errors: rate_limit_exceeded, insufficient_quota.
    Task<Result<>> admit(Instant now);
    LimitAccounts const& payers() const { return admission.payers(request); }

    /// The time of day at `now`, by a clock that is never set back while the request runs.
    WallTime time_at(Instant now) const;

    /// x-request-id, x-sluice-* and server-timing of an error answer.
    Headers error_headers_so_far();

    /// x-ratelimit-*, where its payers have limits.
    void add_limits(Headers& headers, Instant now) const;

    PipelineParts parts;
    ClientRequest const& request;
    Snapshot const& snapshot;
    ReplySink& client;
    Cancellation& cancellation;
    ClientStream stream;
    Outcome outcome;

    Routing routing;                           ///< what the choice of a target is made from
    ModelRuntime const* model = nullptr;       ///< that serves the request
    std::optional<RequestFacts> classified{};  ///< the request's, with the complexity that a classifier saw
    Admission admission{};
    std::optional<Error> limit_reached{};  ///< what kept the latest target that could have served from being asked
    bool lease_short = false;              ///< and more of it may be had from the store that replicas share
    unsigned calls = 0;                    ///< begun so far, to targets and classifiers
    UnsupportedPolicy unsupported = UnsupportedPolicy::drop;
    Instant deadline = never;                 ///< of the whole request
    bool deadline_is_clients = false;         ///< the client's own timeout is the shorter one
    bool committed = false;                   ///< the client has seen a part of an answer: no other attempt may follow
    std::unique_ptr<Continuation> cut{};      ///< what the client has seen of a stream that broke off; null: no text
                                              ///< that another target may go on with
    std::optional<NanoUsd> cost = NanoUsd{};  ///< of the attempts so far; absent: one has no price
    std::optional<NanoUsd> sheet_cost = NanoUsd{};  ///< the same by our prices alone
    std::optional<Instant> finished_at;             ///< when the client had all; later work does not count
};

/// The error of a cancelled request.
Error cancelled_error(CancelReason reason);

}  // namespace sluice

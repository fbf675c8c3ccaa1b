#include "core/pipeline/pipeline.hpp"

#include <utility>

#include "core/pipeline/forward.hpp"
#include "core/pipeline/lease_wait.hpp"
#include "core/pipeline/limit_error.hpp"
#include "core/pipeline/reply.hpp"
#include "core/pipeline/request_run.hpp"

namespace sluice {
namespace {

/// Tells the client what went wrong, in the way that it can still understand.
[[gnu::noinline]] Task<> answer_failure(RequestRun& run) {
    auto& outcome = run.outcome;
    if (run.cancellation.reason() == CancelReason::client_left) {
        outcome.error = Error{.kind = ErrorKind::client_closed, .detail = std::move(outcome.error->detail)};
    }
    if (run.cancellation.reason() == CancelReason::revoked) outcome.error = cancelled_error(CancelReason::revoked);
    if (outcome.error->kind == ErrorKind::client_closed) co_return;
    if (run.stream.opened()) {
        outcome.status = 200;
        co_await run.stream.fail(*outcome.error);
    } else if (!run.committed) {
        auto headers = run.error_headers_so_far();
        auto const random = run.parts.clock.random();
        auto const answered = co_await answer_error(run.client, *outcome.error, std::move(headers), random);
        if (answered) outcome.status = status_of(*outcome.error);
    }
}

Amounts one_under_way() {
    Amounts one;
    one[Resource::requests] = one[Resource::concurrent] = 1;
    return one;
}

}  // namespace

Pipeline::Pipeline(Upstream& upstream, Clock& clock, Recorder& recorder, DialectLookup dialects,
                   std::shared_ptr<RetryBudget> retry_budget, Accounting accounting)
    : upstream_(upstream),
      clock_(clock),
      recorder_(recorder),
      dialects_(std::move(dialects)),
      retry_budget_(std::move(retry_budget)),
      accounting_(accounting) {}

std::optional<Permit> Pipeline::try_admit(LimitAccounts const& accounts, WallTime now) {
    if (accounting_.limits == nullptr || accounts.empty()) return Permit();
    auto permit = accounting_.limits->reserve(accounts, one_under_way(), now);
    return permit ? std::optional(*std::move(permit)) : std::nullopt;
}

Task<Result<Permit>> Pipeline::admit(LimitAccounts const& accounts, WallTime now, Cancellation& cancellation) {
    if (accounting_.limits == nullptr || accounts.empty()) co_return Permit();
    LeaseWait wait(accounting_, clock_, cancellation);
    while (true) {
        auto permit = accounting_.limits->reserve(accounts, one_under_way(), now);
        if (permit) co_return std::move(*permit);
        SLUICE_CO_TRY(bool const more, co_await wait.more(permit.error().lease_short));
        if (!more) co_return std::unexpected(limit_error(permit.error()));
    }
}

void Pipeline::add_limit_headers(Headers& headers, LimitAccounts const& accounts, WallTime now) const {
    if (accounting_.limits != nullptr) sluice::add_limit_headers(headers, *accounting_.limits, accounts, now);
}

Task<> Pipeline::handle(ClientRequest const& request, std::shared_ptr<Snapshot const> snapshot, ReplySink& client,
                        Cancellation& cancellation) {
    PipelineParts const parts{upstream_, clock_, recorder_, dialects_, *retry_budget_, accounting_};
    RequestRun run(parts, request, *snapshot, client, cancellation);  // settles and records when it goes
    auto result = co_await forward(run);
    if (result) {
        run.outcome.status = 200;
    } else {
        run.outcome.error = std::move(result.error());
        co_await answer_failure(run);
    }
}

}  // namespace sluice

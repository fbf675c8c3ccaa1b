#include "core/pipeline/call_money.hpp"

#include <algorithm>
#include <utility>

#include "core/pipeline/limit_error.hpp"
#include "core/pipeline/request_run.hpp"

namespace sluice {
namespace {

/// The upstream is ahead of what was read.
constexpr std::int64_t bytes_ahead = 1'024;

Amounts money(NanoUsd amount) {
    Amounts amounts;
    amounts[Resource::money] = amount.count;
    return amounts;
}

/// Whether a call has anything to reserve: money, or a place at the target.
bool has_limits(RequestRun const& run, TargetRuntime const& target) {
    if (run.parts.accounting.limits == nullptr) return false;
    return !target.accounts.empty() || LimitBook::has_limit(run.payers(), Resource::money);
}

}  // namespace

struct CallMoney::State : Recycled {
    RequestRun& run;
    TargetRuntime const& target;
    bool is_ours;
    CallQuote quote;
    Permit money{};
    Permit place{};  ///< in the target's and the provider's limits
    std::unique_ptr<LedgerCall> line{};

    Result<> reserve_money(LimitBook& book, WallTime now);
    Result<> take_place(LimitBook& book, WallTime now);
    std::unexpected<Error> refused(Error error, bool lease_short);
};

CallMoney::CallMoney() = default;
CallMoney::CallMoney(CallMoney&&) noexcept = default;
CallMoney& CallMoney::operator=(CallMoney&&) noexcept = default;
CallMoney::~CallMoney() = default;
CallMoney::CallMoney(std::unique_ptr<State> state) : state_(std::move(state)) {}

bool CallMoney::is_needed(RequestRun const& run, TargetRuntime const& target) {
    return run.parts.accounting.ledger != nullptr || has_limits(run, target);
}

CallQuote CallMoney::quote(Snapshot const& snapshot, Call const& call, UnsupportedPolicy unsupported) {
    return CallQuote({.chat = call.chat,
                      .traits = *call.target.traits,
                      .price = call.is_own_key ? nullptr : snapshot.price_of(call.target, call.target_model),
                      .usual_output = call.usual_output,
                      .unsupported = unsupported});
}

Result<CallMoney> CallMoney::reserve(RequestRun& run, Call const& call, Instant now) {
    if (!is_needed(run, call.target)) return CallMoney();
    auto state = std::make_unique<State>(State{.run = run,
                                               .target = call.target,
                                               .is_ours = !call.is_own_key,
                                               .quote = quote(run.snapshot, call, run.unsupported)});
    if (has_limits(run, call.target)) {
        auto* const limits = run.parts.accounting.limits;
        SLUICE_CHECK(state->take_place(*limits, run.time_at(now)));
        if (state->is_ours) SLUICE_CHECK(state->reserve_money(*limits, run.time_at(now)));
    }
    return CallMoney(std::move(state));
}

/// One request under way, in the limits that the target and its provider have.
Result<> CallMoney::State::take_place(LimitBook& book, WallTime now) {
    if (target.accounts.empty()) return {};
    auto reserved_place = book.reserve(target.accounts, quote.place(), now);
    if (!reserved_place) return refused(limit_error(reserved_place.error()), reserved_place.error().lease_short);
    place = std::move(*reserved_place);
    return {};
}

/// From everybody who pays.
Result<> CallMoney::State::reserve_money(LimitBook& book, WallTime now) {
    LimitAccounts with_target;
    if (!target.accounts.empty()) {
        with_target = run.payers();
        with_target.insert(with_target.end(), target.accounts.begin(), target.accounts.end());
    }
    auto const& payers = with_target.empty() ? run.payers() : with_target;
    auto const take = [this, &book, &payers, now](Amounts const& amounts) -> std::expected<void, LimitRefusal> {
        auto permit = book.reserve(payers, amounts, now);
        if (!permit) return std::unexpected(std::move(permit.error()));
        money = std::move(*permit);
        return {};
    };
    auto taken = quote.take_money(book, payers, take);
    if (!taken) return refused(std::move(taken.error().error), taken.error().lease_short);
    return {};
}

std::unexpected<Error> CallMoney::State::refused(Error error, bool lease_short) {
    run.lease_short = run.lease_short || lease_short;
    return std::unexpected(std::move(error));
}

std::optional<std::int64_t> CallMoney::max_output() const { return state_ ? state_->quote.max_output() : std::nullopt; }

Task<Result<>> CallMoney::record(Attempt const& attempt, Cancellation& cancellation) {
    if (!state_ || state_->run.parts.accounting.ledger == nullptr) co_return Result<>();
    auto& run = state_->run;
    auto const& caller = run.request.caller;
    LedgerReservation const reservation{.at = run.time_at(run.parts.clock.now()),
                                        .request_id = run.request.request_id,
                                        .attempt = ++run.calls,
                                        .key = caller.id,
                                        .team = caller.team,
                                        .tags = &caller.tags,
                                        .user = run.request.end_user,
                                        .model = run.outcome.model,
                                        .provider = attempt.provider,
                                        .target_model = attempt.target_model,
                                        .credential = attempt.credential,
                                        .amount = state_->quote.amount()};
    SLUICE_CO_TRY(state_->line, run.parts.accounting.ledger->reserve(reservation));
    co_return co_await state_->line->recorded(cancellation);
}

Task<Result<>> CallMoney::durable(Cancellation& cancellation) {
    if (!state_ || !state_->line) co_return Result<>();
    co_return co_await state_->line->durable(cancellation);
}

Result<> CallMoney::meter(std::uint64_t text_bytes, Instant now) {
    if (!state_ || !state_->quote.is_metered()) return {};
    auto& state = *state_;
    auto& quote = state.quote;
    // No token is shorter than a byte of its text.
    auto const used = static_cast<std::int64_t>(text_bytes) + bytes_ahead;
    auto const allowed = quote.most().output_tokens;
    if (used <= allowed) return {};
    auto const step = std::max(allowed / 2, bytes_ahead);
    for (auto const output : {used + step, used}) {
        auto const cost = quote.cost_with(output);
        auto const grown = state.money.grow(money({cost.count - quote.amount().count}), state.run.time_at(now));
        if (!grown && output == used) {
            // More may be had of a lease in a moment, and what has arrived is reserved: the next piece asks again.
            bool const may_go_on = grown.error().lease_short && used - bytes_ahead <= allowed;
            if (may_go_on) return {};
            auto error = limit_error(grown.error());
            error.kind = ErrorKind::insufficient_quota;
            error.code = "insufficient_quota";
            error.message += "; the answer was cut";
            return std::unexpected(std::move(error));
        }
        if (!grown) continue;
        quote.raise(output);
        if (state.line) state.line->raise(cost);
        break;
    }
    return {};
}

void CallMoney::give_back_rest(NanoUsd cost, Instant now) {
    if (state_) state_->money.settle(money(state_->is_ours ? cost : NanoUsd{}), state_->run.time_at(now));
}

void CallMoney::settle(Attempt& attempt, Instant now) {
    if (!state_) return;
    auto& state = *state_;
    auto const at = state.run.time_at(now);
    auto const known = attempt.cost();
    bool const was_used = attempt.usage.source != UsageSource::none;
    auto const cost = state.is_ours ? known.value_or(NanoUsd{}) : NanoUsd{};
    attempt.reserved = state.quote.amount();
    attempt.recorded = state.line != nullptr;
    state.money.settle(money(cost), at);
    Amounts used;
    used[Resource::requests] = 1;
    used[Resource::tokens] = attempt.usage.input + attempt.usage.output;
    state.place.settle(used, at);
    if (state.line) {
        state.line->settle({.at = at,
                            .cost = cost,
                            .sheet_cost = attempt.sheet_cost,
                            .usage = attempt.usage,
                            .result = attempt.result,
                            .upstream_status = attempt.upstream_status,
                            .uncertain = attempt.uncertain,
                            .unpriced = was_used && !known});
    }
    state_.reset();
}

}  // namespace sluice

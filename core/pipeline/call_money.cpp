#include "core/pipeline/call_money.hpp"

#include <algorithm>
#include <utility>

#include "core/pipeline/limit_error.hpp"
#include "core/pipeline/request_run.hpp"

namespace sluice {
namespace {

/// A stream without max_tokens begins with so much of its target's usual output reserved, and is metered.
constexpr std::int64_t usual_times = 4;
constexpr std::int64_t least_metered_output = 1'024;
/// An answer that is not streamed can't be metered: where the money is short it is bounded to so much, no more.
constexpr std::int64_t generous_output = 8'192;
/// Fewer tokens are no answer.
constexpr std::int64_t least_output = 16;
/// The upstream is ahead of what was read.
constexpr std::int64_t bytes_ahead = 1'024;

Amounts money(NanoUsd amount) {
    Amounts amounts;
    amounts[Resource::money] = amount.count;
    return amounts;
}

bool has_limits(RequestRun const& run, TargetRuntime const& target) {
    return run.parts.accounting.limits != nullptr && !(run.admission.payers().empty() && target.accounts.empty());
}

bool reasons(TargetRuntime const& target) { return target.traits->has.has(Capability::reasoning); }

}  // namespace

struct CallMoney::State {
    RequestRun& run;
    TargetRuntime const& target;
    PriceSheet const* price;
    std::int64_t choices;
    bool is_ours;
    WorstCase most{};
    NanoUsd reserved{};
    std::optional<std::int64_t> max_output{};
    bool is_metered = false;
    Permit money{};
    Permit place{};  ///< in the target's and the provider's limits
    std::unique_ptr<LedgerCall> line{};

    Result<> reserve_money(LimitBook& book, Call const& call, WallTime now);
    Result<> take_place(LimitBook& book, Call const& call, WallTime now);
    std::expected<void, LimitRefusal> try_reserve(LimitBook& book, LimitAccounts const& payers, WallTime now);
    bool bound_output(std::int64_t room, Call const& call);
    std::unexpected<Error> refused(LimitRefusal const& refusal);
};

CallMoney::CallMoney() = default;
CallMoney::CallMoney(CallMoney&&) noexcept = default;
CallMoney& CallMoney::operator=(CallMoney&&) noexcept = default;
CallMoney::~CallMoney() = default;
CallMoney::CallMoney(std::unique_ptr<State> state) : state_(std::move(state)) {}

bool CallMoney::is_needed(RequestRun const& run, TargetRuntime const& target) {
    return run.parts.accounting.ledger != nullptr || has_limits(run, target);
}

Result<CallMoney> CallMoney::reserve(RequestRun& run, Call const& call, Instant now) {
    if (!is_needed(run, call.target)) return CallMoney();
    auto state = std::make_unique<State>(State{.run = run,
                                               .target = call.target,
                                               .price = run.snapshot.price_of(call.target, call.target_model),
                                               .choices = std::max<std::int64_t>(call.chat.choices, 1),
                                               .is_ours = !call.is_own_key});
    state->most = worst_case(call.chat, *call.target.traits);
    if (state->price != nullptr && state->is_ours) state->reserved = highest_cost(state->most, *state->price);
    if (has_limits(run, call.target)) {
        auto* const limits = run.parts.accounting.limits;
        SLUICE_CHECK(state->take_place(*limits, call, run.time_at(now)));
        if (state->is_ours) SLUICE_CHECK(state->reserve_money(*limits, call, run.time_at(now)));
    }
    return CallMoney(std::move(state));
}

/// One request under way, in the limits that the target and its provider have.
Result<> CallMoney::State::take_place(LimitBook& book, Call const& call, WallTime now) {
    if (target.accounts.empty()) return {};
    Amounts amounts;
    amounts[Resource::requests] = amounts[Resource::concurrent] = 1;
    amounts[Resource::tokens] =
        call.chat.facts.input_tokens + std::min(most.output_tokens, std::max<std::int64_t>(call.usual_output, 1));
    auto reserved_place = book.reserve(target.accounts, amounts, now);
    if (!reserved_place) return refused(reserved_place.error());
    place = std::move(*reserved_place);
    return {};
}

/// The worst case of the call from everybody who pays. Where that is too much: less, if the output can be bounded to
/// it.
Result<> CallMoney::State::reserve_money(LimitBook& book, Call const& call, WallTime now) {
    auto payers = run.admission.payers();
    payers.insert(payers.end(), target.accounts.begin(), target.accounts.end());
    auto const room = book.room(payers, Resource::money, now);
    if (!room) return {};  // nobody has a budget
    if (price == nullptr) {
        if (book.takes_unpriced(payers)) return {};
        return std::unexpected(Error{.kind = ErrorKind::unpriced_model,
                                     .message = "this key has a budget, and the price of '" +
                                                shown(call.chat.requested_model) +
                                                "' is unknown; `prices` can set it"});
    }
    bool const may_be_long = !call.chat.max_output_tokens.has_value();
    if (may_be_long && call.chat.stream && !reasons(target)) {
        auto const usual = std::max(call.usual_output * usual_times, least_metered_output) * choices;
        is_metered = usual < most.output_tokens;
        most.output_tokens = std::min(most.output_tokens, usual);
        reserved = highest_cost(most, *price);
    }
    auto done = try_reserve(book, payers, now);
    for (unsigned tries = 0; !done && tries < 3; ++tries) {
        auto const& refusal = done.error();
        bool const may_bound = refusal.limit.of == Resource::money && refusal.limit.clamp && !refusal.lease_short &&
                               run.unsupported != UnsupportedPolicy::reject;
        if (!may_bound || !bound_output(refusal.room, call)) break;
        done = try_reserve(book, payers, now);
    }
    if (!done) return refused(done.error());
    return {};
}

std::unexpected<Error> CallMoney::State::refused(LimitRefusal const& refusal) {
    run.lease_short = run.lease_short || refusal.lease_short;
    return std::unexpected(limit_error(refusal));
}

std::expected<void, LimitRefusal> CallMoney::State::try_reserve(LimitBook& book, LimitAccounts const& payers,
                                                                WallTime now) {
    auto permit = book.reserve(payers, sluice::money(reserved), now);
    if (!permit) return std::unexpected(std::move(permit.error()));
    money = std::move(*permit);
    return {};
}

/// Fits the output to `room` nano-dollars. False: that would leave no answer worth asking for.
bool CallMoney::State::bound_output(std::int64_t room, Call const& call) {
    auto const affordable = affordable_output(most, *price, NanoUsd{room});
    if (!affordable) return false;
    auto each = *affordable / choices;
    if (!call.chat.max_output_tokens) each = std::min(each, std::max(generous_output, call.usual_output * usual_times));
    auto const wanted = most.output_tokens / choices;
    if (each < std::min(least_output, wanted)) return false;
    max_output = std::min(each, wanted);
    most.output_tokens = *max_output * choices;
    reserved = highest_cost(most, *price);
    is_metered = false;
    return true;
}

std::optional<std::int64_t> CallMoney::max_output() const { return state_ ? state_->max_output : std::nullopt; }

Task<Result<>> CallMoney::record(Attempt const& attempt, Cancellation& cancellation) {
    if (!state_ || state_->run.parts.accounting.ledger == nullptr) co_return Result<>();
    auto& run = state_->run;
    auto const& caller = run.request.caller;
    LedgerReservation reservation{.at = run.time_at(run.parts.clock.now()),
                                  .request_id = std::string(run.request.request_id),
                                  .attempt = ++run.calls,
                                  .key = caller.id,
                                  .team = caller.team,
                                  .tags = caller.tags,
                                  .user = run.request.end_user,
                                  .model = run.outcome.model,
                                  .provider = attempt.provider,
                                  .target_model = attempt.target_model,
                                  .credential = attempt.credential,
                                  .amount = state_->is_ours ? state_->reserved : NanoUsd{}};
    SLUICE_CO_TRY(state_->line, run.parts.accounting.ledger->reserve(std::move(reservation), run.parts.clock));
    co_return co_await state_->line->recorded(cancellation);
}

Task<Result<>> CallMoney::durable(Cancellation& cancellation) {
    if (!state_ || !state_->line) co_return Result<>();
    co_return co_await state_->line->durable(cancellation);
}

Result<> CallMoney::meter(std::uint64_t text_bytes, Instant now) {
    if (!state_ || !state_->is_metered) return {};
    auto& state = *state_;
    // No token is shorter than a byte of its text.
    auto const used = static_cast<std::int64_t>(text_bytes) + bytes_ahead;
    if (used <= state.most.output_tokens) return {};
    auto const step = std::max(state.most.output_tokens / 2, bytes_ahead);
    for (auto const output : {used + step, used}) {
        auto wider = state.most;
        wider.output_tokens = output;
        auto const cost = highest_cost(wider, *state.price);
        auto const grown = state.money.grow(money({cost.count - state.reserved.count}), state.run.time_at(now));
        if (!grown && output == used) {
            // More may be had of a lease in a moment, and what has arrived is reserved: the next piece asks again.
            bool const may_go_on = grown.error().lease_short && used - bytes_ahead <= state.most.output_tokens;
            if (may_go_on) return {};
            auto error = limit_error(grown.error());
            error.kind = ErrorKind::insufficient_quota;
            error.code = "insufficient_quota";
            error.message += "; the answer was cut";
            return std::unexpected(std::move(error));
        }
        if (!grown) continue;
        state.most = wider;
        state.reserved = cost;
        if (state.line) state.line->raise(cost);
        break;
    }
    return {};
}

void CallMoney::settle(Attempt& attempt, Instant now) {
    if (!state_) return;
    auto& state = *state_;
    auto const at = state.run.time_at(now);
    auto const known = attempt.cost();
    bool const was_used = attempt.usage.source != UsageSource::none;
    auto const cost = state.is_ours ? known.value_or(NanoUsd{}) : NanoUsd{};
    attempt.reserved = state.reserved;
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

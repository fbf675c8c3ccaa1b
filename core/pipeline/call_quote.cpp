#include "core/pipeline/call_quote.hpp"

#include <algorithm>

#include "core/pipeline/limit_error.hpp"

namespace sluice {
namespace {

/// A stream without max_tokens begins with so much of its target's usual output reserved, and is metered.
constexpr std::int64_t usual_times = 4;
constexpr std::int64_t least_metered_output = 1'024;
/// An answer that is not streamed can't be metered: where the money is short it is bounded to so much, no more.
constexpr std::int64_t generous_output = 8'192;
/// Fewer tokens are no answer.
constexpr std::int64_t least_output = 16;

}  // namespace

CallQuote::CallQuote(Call const& call)
    : call_(call), choices_(std::max<std::int64_t>(call.chat.choices, 1)), most_(worst_case(call.chat, call.traits)) {
    if (call_.price != nullptr) amount_ = highest_cost(most_, *call_.price);
}

Amounts CallQuote::place() const {
    Amounts amounts;
    amounts[Resource::requests] = amounts[Resource::concurrent] = 1;
    amounts[Resource::tokens] =
        call_.chat.facts.input_tokens + std::min(most_.output_tokens, std::max<std::int64_t>(call_.usual_output, 1));
    return amounts;
}

Amounts CallQuote::money() const {
    Amounts amounts;
    amounts[Resource::money] = amount_.count;
    return amounts;
}

NanoUsd CallQuote::cost_with(std::int64_t output_tokens) const {
    auto wider = most_;
    wider.output_tokens = output_tokens;
    return highest_cost(wider, *call_.price);
}

void CallQuote::raise(std::int64_t output_tokens) {
    most_.output_tokens = output_tokens;
    amount_ = highest_cost(most_, *call_.price);
}

/// Thoughts are output that nobody sees arrive: a target that has them can't be metered.
void CallQuote::begin_metered() {
    bool const may_be_long = !call_.chat.max_output_tokens.has_value();
    if (!may_be_long || !call_.chat.stream || call_.traits.has.has(Capability::reasoning)) return;
    auto const usual = std::max(call_.usual_output * usual_times, least_metered_output) * choices_;
    is_metered_ = usual < most_.output_tokens;
    raise(std::min(most_.output_tokens, usual));
}

/// Fits the output to what there is room for. False: it may not be bounded, or that would leave no answer worth asking
/// for.
bool CallQuote::bound_output(LimitRefusal const& refusal) {
    bool const may_bound = refusal.limit.of == Resource::money && refusal.limit.clamp && !refusal.lease_short &&
                           call_.unsupported != UnsupportedPolicy::reject;
    if (!may_bound) return false;
    auto const affordable = affordable_output(most_, *call_.price, NanoUsd{refusal.room});
    if (!affordable) return false;
    auto each = *affordable / choices_;
    if (!call_.chat.max_output_tokens) {
        each = std::min(each, std::max(generous_output, call_.usual_output * usual_times));
    }
    auto const wanted = most_.output_tokens / choices_;
    if (each < std::min(least_output, wanted)) return false;
    max_output_ = std::min(each, wanted);
    raise(*max_output_ * choices_);
    is_metered_ = false;
    return true;
}

std::unexpected<CallQuote::Refusal> CallQuote::unpriced() const {
    return std::unexpected(
        Refusal{.error = {.kind = ErrorKind::unpriced_model,
                          .message = "this key has a budget, and the price of '" + shown(call_.chat.requested_model) +
                                     "' is unknown; `prices` can set it"}});
}

std::unexpected<CallQuote::Refusal> CallQuote::refused(LimitRefusal const& refusal) {
    return std::unexpected(Refusal{.error = limit_error(refusal), .lease_short = refusal.lease_short});
}

}  // namespace sluice

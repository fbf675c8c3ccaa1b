#include "core/pipeline/walk.hpp"

#include <algorithm>
#include <utility>

#include "core/pipeline/continuation.hpp"
#include "core/pipeline/race.hpp"
#include "core/pipeline/refusal.hpp"
#include "core/pipeline/routing_record.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {
namespace {

bool is_too_long(Error const& error) {
    return code_of(error) == "context_length_exceeded" || error.kind == ErrorKind::upstream_request_too_large;
}

bool is_filtered(Error const& error) {
    auto const code = code_of(error);
    return code == "content_filter" || code == "content_policy_violation";
}

bool all_too_small(Plan const& plan) {
    auto const too_small = [](ExcludedTarget const& target) { return target.why == Exclusion::context_too_small; };
    return plan.order.empty() && !plan.excluded.empty() && std::ranges::all_of(plan.excluded, too_small);
}

}  // namespace

Walk::Walk(RequestRun& run, Instant now)
    : run_(run),
      plan_(make_plan(run.routing.input())),
      now_(now),
      lease_wait_(run.parts.accounting, run.parts.clock, run.cancellation) {
    if (run_.model->settings->hedge.enabled && !plan_.order.empty()) {
        auto const& first = run_.routing.candidates[plan_.order.front().target];
        run_.snapshot.hedges().count_request(now, expected_cost(run_.request.chat.facts, first).value_or(NanoUsd{}));
    }
    run_.outcome.decision = record_of(
        {.snapshot = run.snapshot, .request = run.request, .dialects = run.parts.dialects}, run.routing, plan_);
    if (all_too_small(plan_)) divert(run_.model->settings->on_context_length, "fallback for long prompts");
}

Task<Result<>> Walk::go() {
    while (true) {
        if (run_.cancellation) co_return std::unexpected(cancelled_error(run_.cancellation.reason()));
        auto entry = next_entry();
        if (!entry && run_.lease_short) {
            SLUICE_CO_TRY(waits_for_leases_, co_await lease_wait_.more(std::exchange(run_.lease_short, false)));
            now_ = run_.parts.clock.now();
            if (position_ < plan_.order.size()) continue;
        }
        if (!entry && plan_to_wait()) {
            SLUICE_CO_TRY(auto waited_for, co_await wait_in_queue());
            if (waited_for) entry.emplace(*std::move(waited_for));
        }
        if (!entry) co_return std::unexpected(none_left());
        auto result = co_await attempt(std::move(*entry));
        if (result) co_return result;
        if (run_.cut && !run_.cancellation) {
            auto others = further_targets();
            co_return co_await continue_after_cut(run_, std::move(others), std::move(result.error()));
        }
        if (run_.committed || run_.cancellation) co_return result;
        now_ = run_.parts.clock.now();
        auto const decision = decide(result.error());
        last_ = std::move(result.error());
        if (decision.step == NextStep::give_up) {
            if (!last_->detail.empty()) last_->detail += "; ";
            last_->detail += decision.reason;
            co_return std::unexpected(summed_up(*std::move(last_)));
        }
        waited_ = decision.wait;
        if (waited_ > milliseconds::zero()) SLUICE_CO_CHECK(co_await pause(waited_));
        reason_ = decision.reason;
        if (decision.step == NextStep::other_target) start_over_at_next();
    }
}

AttemptPlan Walk::attempt_plan() const {
    return {.reason = reason_.empty() ? plan_.order[position_].reason : reason_, .waited = waited_, .now = now_};
}

Task<Result<>> Walk::attempt(Entry&& entry) {
    if (auto const delay = time_to_hedge()) co_return co_await raced(std::move(entry), *delay);
    auto const plan = attempt_plan();
    AttemptRun attempt(run_, plan_.order[position_].target, std::move(entry), plan);
    co_return co_await attempt.go();
}

/// The attempt, and a second one beside it at the next target when its first token is late.
Task<Result<>> Walk::raced(Entry&& entry, milliseconds delay) {
    auto plan = attempt_plan();
    Race race(run_);
    race.start(plan_.order[position_].target, std::move(entry), plan);
    co_await race.wait(now_ + delay);
    now_ = run_.parts.clock.now();
    auto second = race.is_decided() || run_.cancellation ? std::nullopt : hedge_entry();
    if (second) {
        plan = {.reason = "hedge: the first token is late", .now = now_, .is_hedge = true};
        race.start(plan_.order[position_].target, *std::move(second), plan);
    }
    co_return co_await race.finish();
}

std::optional<milliseconds> Walk::time_to_hedge() const {
    auto const& hedge = run_.model->settings->hedge;
    if (!hedge.enabled || !run_.request.chat.stream || failures_here_ > 0 || !next_usable()) return std::nullopt;
    return hedge_delay(hedge, run_.routing.candidates[plan_.order[position_].target].measured);
}

/// The way into the next target, if the budget for second attempts allows it. It is the current one from then on.
std::optional<Entry> Walk::hedge_entry() {
    auto const next = next_usable();
    if (!next) return std::nullopt;
    auto const& candidate = run_.routing.candidates[plan_.order[*next].target];
    auto const cost = expected_cost(run_.request.chat.facts, candidate).value_or(NanoUsd{});
    auto const percent = run_.model->settings->hedge.max_extra_load_percent;
    if (!run_.snapshot.hedges().try_take(now_, cost, percent)) return std::nullopt;
    auto entry = enter(run_, plan_.order[*next].target, wish_for(plan_.order[*next].target), now_);
    if (!entry) return entry;
    position_ = *next;
    ++attempts_;
    ++targets_tried_;
    return entry;
}

void Walk::start_over_at_next() {
    reason_ = {};
    failures_here_ = 0;
    ++position_;
}

/// The way into the planned target, or for the first one behind it that lets us in: things have changed since the plan.
/// Absent, and the place in the plan stays, while more of a limit that replicas share may be had for it.
std::optional<Entry> Walk::next_entry() {
    for (; position_ < plan_.order.size(); ++position_) {
        auto entry = enter(run_, plan_.order[position_].target, wish_for(plan_.order[position_].target), now_);
        if (entry) {
            if (failures_here_ == 0) ++targets_tried_;
            return entry;
        }
        if (run_.lease_short && waits_for_leases_) return std::nullopt;
        failures_here_ = 0;
        reason_ = {};
    }
    return std::nullopt;
}

TargetPass::Wish Walk::wish_for(std::size_t candidate) const {
    auto const& routing = run_.routing;
    auto const& provider = *routing.targets[candidate].target->provider;
    TargetPass::Wish wish{.own_key = run_.request.own_key_for(provider.settings->name),
                          .whatever_the_breaker_says = plan_.panic && position_ == 0 && failures_here_ == 0};
    if (!routing.bound || routing.bound->target != candidate || failures_here_ > 0) return wish;
    auto const& credentials = provider.credentials->credentials();
    for (std::size_t i = 0; i < credentials.size(); ++i) {
        if (SessionTable::key_of(credentials[i].name) == routing.bound_credential) wish.credential = i;
    }
    return wish;
}

Decision Walk::decide(Error const& error) {
    ++attempts_;
    ++failures_here_;
    bool const special = divert(error);
    auto const& settings = run_.model->settings->retry;
    auto const left =
        run_.deadline == never ? milliseconds::max() : std::chrono::duration_cast<milliseconds>(run_.deadline - now_);
    auto const next = next_usable();
    AttemptHistory const history{.attempts = attempts_,
                                 .failures_here = failures_here_,
                                 .credential_free = target().provider->credentials->any_free(now_),
                                 .target_left = next.has_value(),
                                 .time_left = left};
    auto decision = next_step(error, history, settings, run_.parts.clock.random());
    if (special && next && left > milliseconds::zero()) {
        decision = {.step = NextStep::other_target, .reason = "a target for this kind of failure takes over"};
    }
    // Another provider, or another account there, gets no more requests than clients sent; a repetition is extra load.
    bool const free_of_charge = decision.step == NextStep::give_up || decision.step == NextStep::other_credential ||
                                (decision.step == NextStep::other_target &&
                                 !provider_was_tried(run_.routing.candidates[plan_.order[*next].target].provider));
    if (free_of_charge || run_.parts.retry_budget.try_take(now_)) return decision;
    return {.reason = "the retry budget is used up"};
}

/// Puts the targets for this kind of failure behind the one that failed, in place of the others.
bool Walk::divert(Error const& error) {
    auto const& settings = *run_.model->settings;
    if (is_too_long(error)) return divert(settings.on_context_length, "fallback for long prompts");
    if (is_filtered(error)) return divert(settings.on_content_filter, "fallback for filtered requests");
    return false;
}

bool Walk::divert(std::vector<std::size_t> const& extra, std::string_view reason) {
    if (diverted_ || extra.empty()) return false;
    diverted_ = true;
    plan_.order.resize(std::min(plan_.order.size(), position_ + 1));
    RoutingView const view{.snapshot = run_.snapshot, .request = run_.request, .dialects = run_.parts.dialects};
    for (auto const index : extra) {
        auto const& target = run_.model->extra_targets[index];
        plan_.order.push_back({.target = run_.routing.candidates.size(), .reason = reason});
        run_.routing.add_target({&target, run_.model, run_.routing.star}, view, now_);
    }
    return true;
}

/// The next place in the plan whose target could take the request now.
std::optional<std::size_t> Walk::next_usable() const {
    for (auto place = position_ + 1; place < plan_.order.size(); ++place) {
        auto const which = plan_.order[place].target;
        auto candidate = run_.routing.candidates[which];
        auto const own_key = run_.request.own_key_for(candidate.provider) != nullptr;
        look_at(candidate, *run_.routing.targets[which].target, now_, own_key);
        if (!unavailability(candidate) && candidate.takes_request) return place;
    }
    return std::nullopt;
}

bool Walk::provider_was_tried(std::string_view provider) const {
    auto const& attempts = run_.outcome.attempts;
    return std::any_of(attempts.begin(), attempts.end(), [provider](Attempt const& attempt) {
        return attempt.provider == provider && !attempt.classifies;
    });
}

/// The planned targets but for the current one: those behind it, then those before.
std::vector<PlannedTarget> Walk::further_targets() const {
    std::vector<PlannedTarget> others;
    for (std::size_t ahead = 1; ahead < plan_.order.size(); ++ahead) {
        others.push_back(plan_.order[(position_ + ahead) % plan_.order.size()]);
    }
    return others;
}

/// Waits, and lets a waiting client hear something meanwhile.
Task<Result<>> Walk::pause(milliseconds wait) {
    auto const until = now_ + wait;
    run_.outcome.upstream_time += wait;
    while (now_ < until) {
        auto const step = std::chrono::ceil<milliseconds>(earlier(until, run_.stream.next_comment()) - now_);
        SLUICE_CO_CHECK(co_await run_.parts.clock.sleep(std::max(step, milliseconds(1)), run_.cancellation));
        now_ = run_.parts.clock.now();
        SLUICE_CO_CHECK(co_await run_.stream.keep_alive(now_));
    }
    co_return Result<>();
}

Error Walk::none_left() {
    if (last_) return summed_up(*std::move(last_));
    if (run_.limit_reached) return *run_.limit_reached;
    if (!plan_.order.empty()) {  // somebody else took the probe, or the last place, since the plan
        auto& routing = run_.routing;
        for (std::size_t i = 0; i < routing.candidates.size(); ++i) {
            auto const own_key = run_.request.own_key_for(routing.candidates[i].provider) != nullptr;
            look_at(routing.candidates[i], *routing.targets[i].target, now_, own_key);
        }
        plan_ = make_plan(routing.input());
        plan_.order.clear();
    }
    return nothing_to_try(run_, plan_);
}

/// Says briefly that the gateway has tried more than one target.
Error Walk::summed_up(Error error) const {
    if (targets_tried_ < 2 || describe(error.kind).fault == Fault::caller) return error;
    auto const& last = error.message.empty() ? std::string(describe(error.kind).message) : error.message.str();
    error.message = (targets_tried_ == run_.routing.targets.size() ? "all " : "") + std::to_string(targets_tried_) +
                    " targets failed; last: " + last;
    return error;
}

}  // namespace sluice

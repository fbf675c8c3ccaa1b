#include "core/pipeline/forward.hpp"

#include <algorithm>

#include "core/pipeline/attempt_run.hpp"
#include "core/pipeline/continuation.hpp"
#include "core/policy/retry.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {
namespace {

/// The rules that keep the request of `run` from `target`.
std::vector<ParameterRule const*> refused_by(RequestRun& run, TargetRuntime const& target, std::string_view star) {
    auto const& provider = *target.provider->settings;
    if (provider.parameters.empty()) return {};
    auto const* const dialect = run.parts.dialects(provider.dialect);
    if (dialect == nullptr) return {};
    auto const model = fill_star(target.model, star);
    return dialect->refused_by(run.request.chat,
                               {.provider = provider, .model = model, .unsupported = run.unsupported});
}

Candidate candidate_of(TargetRuntime const& target, Instant now) {
    auto const& provider = *target.provider;
    auto const breaker = target.health->view(now);
    Candidate candidate{.name = target.name,
                        .breaker = breaker.state,
                        .breaker_refuses = breaker.refuses,
                        .time_to_probe = breaker.time_to_probe,
                        .in_flight = provider.in_flight->count(),
                        .max_in_flight = provider.settings->max_in_flight};
    candidate.credential_free = provider.credentials->any_free(now);
    if (!candidate.credential_free) {
        auto const bench = provider.credentials->all_benched(now);
        candidate.bench = bench.reason;
        candidate.time_to_credential = bench.time_left;
    }
    return candidate;
}

/// The walk along a plan.
class Walk {
public:
    Walk(RequestRun& run, Instant now) : run_(run), targets_(run.model->targets), now_(now) {
        candidates_.reserve(targets_.size());
        for (auto const& target : targets_) {
            candidates_.push_back(candidate_of(target, now));
            candidates_.back().takes_request = refused_by(run, target, run.star).empty();
        }
        plan();
    }

    Task<Result<>> go();

private:
    void plan();
    std::optional<TargetPass> next_pass();
    Decision decide(Error const& error);
    std::optional<std::size_t> next_usable() const;
    bool provider_was_tried(std::string_view provider) const;
    std::vector<FurtherTarget> further_targets() const;
    Task<Result<>> pause(milliseconds wait);
    Error none_left();
    Error unsupported();
    std::string targets_that_take_it();
    Error summed_up(Error error) const;

    TargetRuntime const& target() const { return targets_[plan_.order[position_].target]; }

    RequestRun& run_;
    std::vector<TargetRuntime> const& targets_;
    std::vector<Candidate> candidates_;
    Plan plan_;
    Instant now_;
    std::size_t position_ = 0;
    unsigned attempts_ = 0;
    unsigned failures_here_ = 0;
    unsigned targets_tried_ = 0;
    milliseconds waited_{0};
    std::string_view reason_;  ///< of a repetition; empty: the plan's
    std::optional<Error> last_;
};

void Walk::plan() {
    RoutedModel const model{.routes = run_.model->settings->routes, .candidate_count = candidates_.size()};
    plan_ = make_plan({.facts = run_.request.chat.facts, .candidates = candidates_, .models = {&model, 1}});
}

Task<Result<>> Walk::go() {
    while (true) {
        if (run_.cancellation) co_return std::unexpected(cancelled_error(run_.cancellation.reason()));
        auto pass = next_pass();
        if (!pass) co_return std::unexpected(none_left());
        Result<> result;
        {
            AttemptPlan const plan{
                .reason = reason_.empty() ? plan_.order[position_].reason : reason_, .waited = waited_, .now = now_};
            AttemptRun attempt(run_, target(), std::move(*pass), plan);
            result = co_await attempt.go();
        }
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
        if (decision.step != NextStep::other_target) continue;
        reason_ = {};
        failures_here_ = 0;
        ++position_;
    }
}

/// A pass for the planned target, or for the first one behind it that lets us in: things have changed since the plan.
std::optional<TargetPass> Walk::next_pass() {
    for (; position_ < plan_.order.size(); ++position_) {
        auto pass = TargetPass::enter(target(), now_);
        if (pass) {
            if (failures_here_ == 0) ++targets_tried_;
            return pass;
        }
        failures_here_ = 0;
        reason_ = {};
    }
    return std::nullopt;
}

Decision Walk::decide(Error const& error) {
    ++attempts_;
    ++failures_here_;
    auto const& settings = run_.model->settings->retry;
    auto const left =
        run_.deadline == never ? milliseconds::max() : std::chrono::duration_cast<milliseconds>(run_.deadline - now_);
    auto const next = next_usable();
    AttemptHistory const history{.attempts = attempts_,
                                 .failures_here = failures_here_,
                                 .credential_free = target().provider->credentials->any_free(now_),
                                 .target_left = next.has_value(),
                                 .time_left = left};
    auto const decision = next_step(error, history, settings, run_.parts.clock.random());
    // Another provider, or another account there, gets no more requests than clients sent; a repetition is extra load.
    bool const free_of_charge = decision.step == NextStep::give_up || decision.step == NextStep::other_credential ||
                                (decision.step == NextStep::other_target &&
                                 !provider_was_tried(targets_[plan_.order[*next].target].provider->settings->name));
    if (free_of_charge || run_.parts.retry_budget.try_take(now_)) return decision;
    return {.reason = "the retry budget is used up"};
}

/// The next place in the plan whose target could take the request now.
std::optional<std::size_t> Walk::next_usable() const {
    for (auto place = position_ + 1; place < plan_.order.size(); ++place) {
        if (!unavailability(candidate_of(targets_[plan_.order[place].target], now_))) return place;  // takes the request
    }
    return std::nullopt;
}

bool Walk::provider_was_tried(std::string_view provider) const {
    auto const& attempts = run_.outcome.attempts;
    return std::any_of(attempts.begin(), attempts.end(),
                       [provider](Attempt const& attempt) { return attempt.provider == provider; });
}

/// The planned targets but for the current one: those behind it, then those before.
std::vector<FurtherTarget> Walk::further_targets() const {
    std::vector<FurtherTarget> others;
    for (std::size_t ahead = 1; ahead < plan_.order.size(); ++ahead) {
        auto const& planned = plan_.order[(position_ + ahead) % plan_.order.size()];
        if (&targets_[planned.target] == &target()) continue;
        others.push_back({.target = &targets_[planned.target], .reason = planned.reason});
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
    if (!plan_.order.empty()) {  // somebody else took the probe, or the last place, since the plan
        for (auto& candidate : candidates_) {
            bool const takes_request = candidate.takes_request;
            candidate = candidate_of(targets_[static_cast<std::size_t>(&candidate - candidates_.data())], now_);
            candidate.takes_request = takes_request;
        }
        plan();
        plan_.order.clear();
    }
    auto error = nothing_planned(candidates_, plan_);
    return error.kind == ErrorKind::unsupported_parameter ? unsupported() : error;
}

/// Says which fields no target takes, why, and where they would be taken.
Error Walk::unsupported() {
    Error error{.kind = ErrorKind::unsupported_parameter};
    std::string reasons;
    std::vector<ParameterRule const*> named;
    for (auto const& target : targets_) {
        for (auto const* const rule : refused_by(run_, target, run_.star)) {
            bool const is_new =
                std::ranges::none_of(named, [rule](ParameterRule const* other) { return other->field == rule->field; });
            if (!is_new) continue;
            named.push_back(rule);
            if (error.param.empty()) error.param = rule->field;
            reasons += (reasons.empty() ? "'" : "; '") + rule->field + "'";
            if (!rule->why.empty()) reasons += " (" + rule->why + ")";
        }
    }
    std::string const others = targets_that_take_it();
    error.message =
        "no target of '" + shown(run_.request.chat.requested_model) + "' takes the request as it is: " + reasons +
        (others.empty() ? "; no other target that this key may use does either" : "; these would: " + others);
    return error;
}

/// "openai/gpt-5 (model 'smart'), ...": of all models that the caller may use, the first few.
std::string Walk::targets_that_take_it() {
    constexpr unsigned most = 8;
    std::string names;
    unsigned count = 0;
    for (auto const& model : run_.snapshot.models()) {
        auto const& name = model.settings->name;
        bool const is_concrete = name.find('*') == std::string::npos;
        if (&model == run_.model || !is_concrete || !allows_model(run_.request.caller.models, name)) continue;
        for (auto const& target : model.targets) {
            if (count == most || !refused_by(run_, target, {}).empty()) continue;
            names += (count++ == 0 ? "" : ", ") + target.name + " (model '" + name + "')";
        }
    }
    return names;
}

/// Says briefly that the gateway has tried more than one target.
Error Walk::summed_up(Error error) const {
    if (targets_tried_ < 2 || describe(error.kind).fault == Fault::caller) return error;
    auto const& last = error.message.empty() ? std::string(describe(error.kind).message) : error.message.str();
    error.message = (targets_tried_ == targets_.size() ? "all " : "") + std::to_string(targets_tried_) +
                    " targets failed; last: " + last;
    return error;
}

Result<> resolve(RequestRun& run) {
    auto const& name = run.request.chat.requested_model;
    auto const match = run.snapshot.find_model(name);
    if (!match || !allows_model(run.request.caller.models, name)) {
        return std::unexpected(Error{.kind = ErrorKind::model_not_found,
                                     .message = "the model '" + shown(name) +
                                                "' does not exist, or this key may not use it; GET /v1/models lists "
                                                "what it may use",
                                     .param = "model"});
    }
    run.routed_to(*match);
    return {};
}

}  // namespace

Task<Result<>> forward(RequestRun& run) {
    SLUICE_CO_CHECK(resolve(run));
    auto const now = run.parts.clock.now();
    run.parts.retry_budget.count_request(now);
    Walk walk(run, now);
    co_return co_await walk.go();
}

}  // namespace sluice

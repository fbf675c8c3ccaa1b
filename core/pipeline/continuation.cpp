#include "core/pipeline/continuation.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/pipeline/attempt_run.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {
namespace {

TargetRuntime const& target_of(RequestRun const& run, PlannedTarget const& planned) {
    return *run.routing.targets[planned.target].target;
}

bool was_tried(RequestRun const& run, TargetRuntime const& target) {
    return std::ranges::any_of(run.outcome.attempts, [&target](Attempt const& attempt) {
        return attempt.provider == target.provider->settings->name && !attempt.classifies;
    });
}

/// Those that are known to go on; those of a provider that was not asked yet come first.
std::vector<PlannedTarget> in_order(RequestRun const& run, std::vector<PlannedTarget> const& others) {
    std::vector<PlannedTarget> chosen;
    for (bool const tried : {false, true}) {
        for (auto const& other : others) {
            auto const& target = target_of(run, other);
            if (was_tried(run, target) == tried && continues_assistant(target)) chosen.push_back(other);
        }
    }
    return chosen;
}

/// Another provider gets no more requests than clients sent; one that was asked already does.
bool is_affordable(RequestRun& run, TargetRuntime const& target, Instant now) {
    return !was_tried(run, target) || run.parts.retry_budget.try_take(now);
}

}  // namespace

bool continues_assistant(TargetRuntime const& target) {
    constexpr auto wanted = Capability::continues_assistant;
    auto const& provider = target.provider->settings->traits;
    return target.traits->has.has(wanted) || (provider.has.has(wanted) && !target.traits->lacks.has(wanted));
}

bool could_be_continued(RequestRun const& run, TargetRuntime const& serving) {
    auto const& chat = run.request.chat;
    if (!run.model->settings->continue_after_cut || !chat.stream || chat.choices != 1) return false;
    return std::ranges::any_of(run.routing.targets, [&serving](RoutedTarget const& other) {
        return other.target != &serving && continues_assistant(*other.target);
    });
}

Task<Result<>> continue_after_cut(RequestRun& run, std::vector<PlannedTarget> others, Error failed) {
    others = in_order(run, others);
    unsigned made = 0;
    for (auto const& other : others) {
        auto const now = run.parts.clock.now();
        if (!run.cut || made == most_continuations || now >= run.deadline) break;
        auto const& target = target_of(run, other);
        auto const* const own_key = run.request.own_key_for(target.provider->settings->name);
        auto entry = enter(run, other.target, {.own_key = own_key}, now);
        if (!entry || !is_affordable(run, target, now)) continue;
        ++made;
        auto const from = *run.cut;
        auto const reason = "continued after a cut; " + std::string(other.reason);
        AttemptPlan const plan{.reason = reason, .now = now, .continuation = &from};
        Result<> result;
        {
            AttemptRun attempt(run, other.target, std::move(*entry), plan);
            result = co_await attempt.go();
        }
        if (result || run.cancellation) co_return result;
    }
    if (!failed.detail.empty()) failed.detail += "; ";
    failed.detail += made == 0 ? "no target could go on with it" : "nor could others go on with it";
    co_return std::unexpected(std::move(failed));
}

}  // namespace sluice

#include "core/pipeline/continuation.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/pipeline/attempt_run.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {
namespace {

bool was_tried(RequestRun const& run, TargetRuntime const& target) {
    return std::ranges::any_of(run.outcome.attempts, [&target](Attempt const& attempt) {
        return attempt.provider == target.provider->settings->name;
    });
}

/// Those that are known to go on; those of a provider that was not asked yet come first.
std::vector<FurtherTarget> in_order(RequestRun const& run, std::vector<FurtherTarget> const& others) {
    std::vector<FurtherTarget> chosen;
    for (bool const tried : {false, true}) {
        for (auto const& other : others) {
            bool const fits = was_tried(run, *other.target) == tried && continues_assistant(*run.model, *other.target);
            if (fits) chosen.push_back(other);
        }
    }
    return chosen;
}

/// Another provider gets no more requests than clients sent; one that was asked already does.
bool is_affordable(RequestRun& run, TargetRuntime const& target, Instant now) {
    return !was_tried(run, target) || run.parts.retry_budget.try_take(now);
}

}  // namespace

bool continues_assistant(ModelRuntime const& model, TargetRuntime const& target) {
    constexpr auto wanted = Capability::continues_assistant;
    auto const place = static_cast<std::size_t>(&target - model.targets.data());
    if (place >= model.targets.size()) return target.provider->settings->traits.has.has(wanted);
    auto const& traits = model.settings->targets[place].traits;
    return traits.has.has(wanted) || (target.provider->settings->traits.has.has(wanted) && !traits.lacks.has(wanted));
}

bool could_be_continued(RequestRun const& run, TargetRuntime const& serving) {
    auto const& chat = run.request.chat;
    if (!run.model->settings->continue_after_cut || !chat.stream || chat.choices != 1) return false;
    return std::ranges::any_of(run.model->targets, [&run, &serving](TargetRuntime const& target) {
        return &target != &serving && continues_assistant(*run.model, target);
    });
}

Task<Result<>> continue_after_cut(RequestRun& run, std::vector<FurtherTarget> others, Error failed) {
    others = in_order(run, others);
    unsigned made = 0;
    for (auto const& other : others) {
        auto const now = run.parts.clock.now();
        if (!run.cut || made == most_continuations || now >= run.deadline) break;
        auto pass = TargetPass::enter(*other.target, now);
        if (!pass || !is_affordable(run, *other.target, now)) continue;
        ++made;
        auto const from = *run.cut;
        auto const reason = "continued after a cut; " + std::string(other.reason);
        AttemptPlan const plan{.reason = reason, .now = now, .continuation = &from};
        Result<> result;
        {
            AttemptRun attempt(run, *other.target, std::move(*pass), plan);
            result = co_await attempt.go();
        }
        if (result || run.cancellation) co_return result;
    }
    if (!failed.detail.empty()) failed.detail += "; ";
    failed.detail += made == 0 ? "no target could go on with it" : "nor could others go on with it";
    co_return std::unexpected(std::move(failed));
}

}  // namespace sluice

#include <algorithm>
#include <utility>

#include "core/pipeline/queue_wait.hpp"
#include "core/pipeline/walk.hpp"

/// Walk: a request that finds every target full waits in a provider's queue.
namespace sluice {

/// The plan as it would be if providers with a queue had room. Its first target is at `position_`, if it has one.
bool Walk::plan_to_wait() {
    if (last_ || diverted_) return false;
    auto& routing = run_.routing;
    bool queue_seen = false;
    for (std::size_t i = 0; i < routing.candidates.size(); ++i) {
        auto& candidate = routing.candidates[i];
        auto const& target = *routing.targets[i].target;
        look_at(candidate, target, now_, run_.request.own_key_for(candidate.provider) != nullptr);
        if (target.provider->settings->queue.size == 0 || candidate.max_in_flight == 0) continue;
        candidate.in_flight = std::min(candidate.in_flight, candidate.max_in_flight - 1);
        queue_seen = true;
    }
    if (!queue_seen) return false;
    auto plan = make_plan(routing.input());
    auto const has_queue = [&routing](PlannedTarget const& planned) {
        return routing.targets[planned.target].target->provider->settings->queue.size > 0;
    };
    auto const first = std::ranges::find_if(plan.order, has_queue);
    if (plan.panic || first == plan.order.end()) return false;
    position_ = static_cast<std::size_t>(first - plan.order.begin());
    plan_ = std::move(plan);
    return true;
}

/// Nothing: the place came, and the target does not take the request any more.
Task<Result<std::optional<Entry>>> Walk::wait_in_queue() {
    SLUICE_CO_TRY(auto const waiting, co_await wait_for_place(run_, target()));
    auto const began = std::exchange(now_, run_.parts.clock.now());
    waited_ = std::chrono::ceil<milliseconds>(now_ - began);
    auto wish = wish_for(plan_.order[position_].target);
    wish.has_place = waiting->take_place();
    auto entry = enter(run_, plan_.order[position_].target, wish, now_);
    if (entry) ++targets_tried_;
    co_return entry;
}

}  // namespace sluice

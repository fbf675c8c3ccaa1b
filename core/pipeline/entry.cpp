#include "core/pipeline/entry.hpp"

#include <utility>

#include "core/policy/expected_cost.hpp"

namespace sluice {

std::optional<Entry> enter(RequestRun& run, std::size_t candidate, TargetPass::Wish const& wish, Instant now) {
    auto const& routed = run.routing.targets[candidate];
    auto pass = TargetPass::enter(*routed.target, now, wish);
    if (!pass) return std::nullopt;
    if (!CallMoney::is_needed(run, *routed.target)) return Entry{.pass = *std::move(pass), .money = {}};
    auto const target_model = fill_star(routed.target->model, routed.star);
    auto money = CallMoney::reserve(run,
                                    {.target = *routed.target,
                                     .target_model = target_model,
                                     .chat = run.request.chat,
                                     .usual_output = usual_output({&run.routing.candidates[candidate], 1}),
                                     .is_own_key = wish.own_key != nullptr},
                                    now);
    if (!money) {
        run.limit_reached = std::move(money.error());
        return std::nullopt;
    }
    return Entry{.pass = *std::move(pass), .money = *std::move(money)};
}

}  // namespace sluice

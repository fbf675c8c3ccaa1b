#include "core/pipeline/forward.hpp"

#include "core/pipeline/mirror.hpp"
#include "core/pipeline/walk.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {
namespace {

std::uint64_t draw_bits(Clock& clock) {
    constexpr double range = 9007199254740992.0;  // 2^53: what a double in [0, 1) holds
    return static_cast<std::uint64_t>(clock.random() * range);
}

}  // namespace

Task<Result<>> forward(RequestRun& run) {
    auto const now = run.parts.clock.now();
    RoutingView const view{.snapshot = run.snapshot, .request = run.request, .dialects = run.parts.dialects};
    SLUICE_CO_TRY(
        auto routing,
        gather_routing(view, {.now = now, .time = run.request.started_at, .draw = draw_bits(run.parts.clock)}));
    run.routed(std::move(routing));
    run.parts.retry_budget.count_request(now);
    mirror(run, now);
    Walk walk(run, now);
    co_return co_await walk.go();
}

}  // namespace sluice

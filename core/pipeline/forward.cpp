#include "core/pipeline/forward.hpp"

#include "core/pipeline/classifier.hpp"
#include "core/pipeline/mirror.hpp"
#include "core/pipeline/walk.hpp"
#include "core/policy/retry_budget.hpp"

namespace sluice {
namespace {

std::uint64_t draw_bits(Clock& clock) {
    constexpr double range = 9007199254740992.0;  // 2^53: what a double in [0, 1) holds
    return static_cast<std::uint64_t>(clock.random() * range);
}

RoutingView view_of(RequestRun const& run) {
    return {.snapshot = run.snapshot, .request = run.request, .dialects = run.parts.dialects};
}

/// What the choice is made from. Apart from the coroutine, whose frame lives as long as the answer streams.
[[gnu::noinline]] Result<> gather(RequestRun& run, RoutingMoment const& moment) {
    SLUICE_TRY(auto routing, gather_routing(view_of(run), moment));
    run.routed(std::move(routing));
    return {};
}

/// What a classifier says of the request, or said of its session's first one, replaces what its facts say. Asking takes
/// time: what the choice is made from is gathered anew.
[[gnu::noinline]] Task<Result<>> classify(RequestRun& run, RoutingMoment& moment) {
    auto complexity = run.routing.bound_complexity;
    if (wants_classifier(run.routing, run.snapshot)) {
        complexity = co_await ask_classifier(run);
        moment.now = run.parts.clock.now();
        SLUICE_CO_TRY(run.routing, gather_routing(view_of(run), moment));
    }
    if (!complexity) co_return Result<>();
    run.classified = run.request.chat.facts;
    run.classified->complexity = *complexity;
    run.routing.facts = &*run.classified;
    co_return Result<>();
}

}  // namespace

Task<Result<>> forward(RequestRun& run) {
    RoutingMoment moment{.now = run.parts.clock.now(), .time = run.request.started_at};
    moment.draw = draw_bits(run.parts.clock);
    SLUICE_CO_CHECK(gather(run, moment));
    if (!run.try_admit(moment.now)) SLUICE_CO_CHECK(co_await run.admit(moment.now));
    run.parts.retry_budget.count_request(moment.now);
    mirror(run, moment.now);
    if (run.model->classifier) SLUICE_CO_CHECK(co_await classify(run, moment));
    Walk walk(run, moment.now);
    co_return co_await walk.go();
}

}  // namespace sluice

#include "core/pipeline/queue_wait.hpp"

#include <string>
#include <utility>

namespace sluice {
namespace {

constexpr milliseconds try_again_after{1'000};

std::unexpected<Error> refused(TargetRuntime const& target, std::string_view why) {
    return std::unexpected(Error{.kind = ErrorKind::overloaded,
                                 .detail = target.provider->settings->name + " is full; " + std::string(why),
                                 .retry_after = try_again_after});
}

std::string const& team_of(Caller const& caller) { return caller.team.empty() ? caller.name : caller.team; }

/// Says at the end, however that comes, how the wait ended and how long it was.
struct Record {
    RequestRun& run;
    InFlight& in_flight;
    Instant began;
    InFlight::WaitEnd end = InFlight::WaitEnd::left;

    ~Record() {
        in_flight.count_wait(end);
        run.outcome.upstream_time += run.parts.clock.now() - began;
    }
};

}  // namespace

Task<Result<std::unique_ptr<InFlight::Waiting>>> wait_for_place(RequestRun& run, TargetRuntime const& target) {
    auto& clock = run.parts.clock;
    auto const& settings = *target.provider->settings;
    auto& in_flight = *target.provider->in_flight;
    Record record{.run = run, .in_flight = in_flight, .began = clock.now()};
    InFlight::Line const line{.max = settings.max_in_flight, .size = settings.queue.size};
    auto waiting = in_flight.wait_in_line(team_of(run.request.caller), line, clock.make_gate());
    if (!waiting) {
        record.end = InFlight::WaitEnd::refused;
        co_return refused(target, "so is its queue");
    }
    auto const until = earlier(run.deadline, record.began + settings.queue.max_wait);
    while (!waiting->take_place()) {
        if (clock.now() >= until) {
            record.end = InFlight::WaitEnd::expired;
            co_return refused(target, "no place became free in time");
        }
        auto const next_look = earlier(until, run.stream.next_comment());
        SLUICE_CO_CHECK(co_await waiting->gate().wait(next_look, run.cancellation));
        SLUICE_CO_CHECK(co_await run.stream.keep_alive(clock.now()));
    }
    record.end = InFlight::WaitEnd::served;
    co_return waiting;
}

}  // namespace sluice

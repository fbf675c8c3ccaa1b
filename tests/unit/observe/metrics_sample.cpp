// Prints a metrics page with every family in use, for promtool.
#include <iostream>

#include "sample_outcomes.hpp"
#include "server/observe/metrics.hpp"

int main() {
    using namespace sluice;
    using namespace sluice::observe;
    Metrics metrics(sample::settings(), 2, {.version = "0.1.0", .commit = "abcdef1"});
    metrics.set_breaker_source([] {
        return std::vector<BreakerState>{{.provider = "acme", .target = "acme-large-1", .phase = BreakerPhase::open}};
    });
    auto const now = std::chrono::system_clock::time_point(std::chrono::seconds(1'782'000'000));
    metrics.config_reloaded(Metrics::Reload::succeeded, "c0ffee", now);

    auto estimated = sample::stream();
    estimated.attempts.front().usage.source = UsageSource::estimated;
    auto fallen_back = sample::stream();
    fallen_back.attempts.insert(fallen_back.attempts.begin(), 2, sample::failed_attempt(AttemptResult::server_error));
    auto left = sample::stream();
    left.status = 499;
    left.client_left = true;
    auto broken = sample::stream();
    broken.error = Error{.kind = ErrorKind::stream_interrupted};
    broken.client.retry_count = 1;
    for (auto const& outcome : {sample::stream(), estimated, fallen_back, left, broken}) {
        metrics.shard(0).record(outcome);
        metrics.shard(1).record(outcome);
    }
    metrics.shard(0).record(sample::refused(ErrorKind::invalid_api_key));
    metrics.shard(0).connection_opened(Side::client);
    metrics.shard(0).request_started();
    std::cout << metrics.expose();
}

#include "server/metric_sources.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace sluice {
namespace {

std::vector<observe::BreakerState> breaker_states(HealthRegistry const& health) {
    std::vector<observe::BreakerState> states;
    for (auto const& status : health.breakers(std::chrono::steady_clock::now())) {
        auto const phase = status.state == BreakerState::closed ? observe::BreakerPhase::closed
                           : status.state == BreakerState::open ? observe::BreakerPhase::open
                                                                : observe::BreakerPhase::half_open;
        states.push_back({.provider = status.provider, .target = status.target_model, .phase = phase});
    }
    return states;
}

std::vector<observe::RateRemaining> rates_left(HealthRegistry const& health) {
    std::vector<observe::RateRemaining> rates;
    for (auto& status : health.limits(std::chrono::steady_clock::now())) {
        auto const kind = status.kind == LimitKind::requests ? "requests" : "tokens";
        rates.push_back({.provider = std::move(status.provider), .kind = kind, .count = status.remaining});
    }
    return rates;
}

}  // namespace

void give_sources(observe::Metrics& metrics, MetricSources const& sources) {
    metrics.set_log_dropped_source([sources] { return sources.access_log.dropped() + sources.log.dropped(); });
    metrics.set_breaker_source([sources] { return breaker_states(sources.health); });
    metrics.set_rate_source([sources] { return rates_left(sources.health); });
    metrics.set_provider_source([sources] { return sources.health.providers(); });
    metrics.set_memory_source([sources] {
        auto const& memory = sources.memory;
        return observe::Metrics::MemoryFacts{
            .used = memory.used(), .limit = memory.limit(), .refused = memory.refused()};
    });
    metrics.set_idempotency_source([sources] {
        auto const facts = sources.idempotency.facts();
        return observe::Metrics::IdempotencyFacts{.replays = facts.replays, .names = facts.names, .bytes = facts.bytes};
    });
    metrics.set_limit_source([sources] { return sources.books.limits().statuses(Books::now()); });
    metrics.set_ledger_source([sources] { return sources.books.facts(); });
}

}  // namespace sluice

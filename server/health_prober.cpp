#include "server/health_prober.hpp"

#include <utility>

namespace sluice {

void HealthProber::adopt(std::shared_ptr<Snapshot const> const& snapshot) {
    if (cancellation_) cancellation_->trigger(CancelReason::server_shutdown);
    cancellation_ = std::make_shared<Cancellation>();
    for (auto const& [name, provider] : snapshot->providers()) {
        if (provider.settings->health.every == milliseconds::zero()) {
            provider.health->forget();
            continue;
        }
        spawn(watch(snapshot, provider, cancellation_), [](std::exception_ptr const& thrown) {
            if (thrown) std::rethrow_exception(thrown);
        });
    }
}

/// `snapshot` holds `provider`.
Task<> HealthProber::watch(std::shared_ptr<Snapshot const> snapshot, ProviderRuntime const& provider,
                           std::shared_ptr<Cancellation> cancellation) {
    auto const& settings = provider.settings->health;
    bool warned = false;
    while (!*cancellation) {
        auto const answer = co_await probe(upstream_, clock_, provider, *cancellation);
        if (*cancellation) co_return;
        if (answer) note(provider, *answer);
        if (answer && answer->result == ProbeResult::misdirected && !std::exchange(warned, true)) {
            log_.warning("SL4001", "a provider's health page is not where the configuration says; it counts as alive",
                         {{"provider", provider.settings->name}, {"path", settings.path}, {"status", answer->status}});
        }
        // Not in step with the probes of other gateways.
        auto const spread = static_cast<double>(settings.every.count()) * (0.9 + 0.2 * clock_.random());
        auto const wait = std::max(milliseconds(static_cast<milliseconds::rep>(spread)), milliseconds(1));
        provider.health->expect_probe(clock_.now() + wait);
        if (!co_await clock_.sleep(wait, *cancellation)) co_return;
    }
}

void HealthProber::note(ProviderRuntime const& provider, Probe const& probe) {
    auto const& name = provider.settings->name;
    switch (provider.health->note(probe.result, provider.settings->health)) {
        case HealthCheck::Change::down:
            log_.warning("SL4002", "a provider is down: it gets no requests until its health page answers again",
                         {{"provider", name}, {"why", probe.why}});
            break;
        case HealthCheck::Change::up:
            log_.info("a provider is back", {{"provider", name}});
            break;
        case HealthCheck::Change::none:
            break;
    }
    if (probe.result != ProbeResult::failed && !provider.health->is_down()) {
        health_.let_probe(name, clock_.now());
    }
}

}  // namespace sluice

#include "core/pipeline/target_pass.hpp"

#include <utility>

#include "core/policy/retry.hpp"

namespace sluice {

std::optional<TargetPass> TargetPass::enter(TargetRuntime const& target, Instant now) {
    auto const& provider = *target.provider;
    auto const pass = target.health->try_pass(now);
    if (pass == Breaker::Pass::refused) return std::nullopt;
    if (provider.in_flight->try_enter(provider.settings->max_in_flight)) {
        if (auto const credential = provider.credentials->pick(now)) return TargetPass(target, pass, *credential);
        provider.in_flight->leave();
    }
    target.health->report(Verdict::silent, pass, now, 0);
    return std::nullopt;
}

TargetPass::TargetPass(TargetPass&& other) noexcept
    : target_(std::exchange(other.target_, nullptr)),
      pass_(other.pass_),
      reported_(other.reported_),
      credential_(other.credential_) {}

TargetPass::~TargetPass() {
    if (target_ == nullptr) return;
    target_->provider->in_flight->leave();
    if (!reported_ && pass_ == Breaker::Pass::probe) target_->health->report(Verdict::silent, pass_, Instant(), 0);
}

CredentialSettings const* TargetPass::credential() const {
    auto const& credentials = target_->provider->credentials->credentials();
    return credentials.empty() ? nullptr : &credentials[credential_];
}

void TargetPass::note_limits(RateLimits const& limits, Elsewhere elsewhere, Instant now) {
    auto& credentials = *target_->provider->credentials;
    credentials.note_limits(credential_, limits, now);
    auto const wait = time_to_refill(limits);
    if (!wait || *wait <= milliseconds::zero()) return;
    if (elsewhere == Elsewhere::nobody && !credentials.any_free_beside(credential_, now)) return;
    credentials.bench(credential_, Bench::rate_limited, wait, now);
}

void TargetPass::answering(Instant now) {
    if (pass_ != Breaker::Pass::probe) return;
    report(Verdict::success, now, 0);
    pass_ = Breaker::Pass::normal;
    reported_ = false;  // what follows counts as that of any request
}

void TargetPass::succeeded(Instant sent_at, Instant now) {
    report(Verdict::success, now, 0);
    target_->provider->credentials->succeeded(credential_, sent_at);
}

std::optional<milliseconds> TargetPass::failed(Error const& error, Verdict verdict, Instant now, double random) {
    report(verdict, now, random);
    auto reason = bench_for(error.kind);
    // Nobody sleeps so long (next_step()): what the upstream asks for is kept by its credential.
    if (reason == Bench::none && error.retry_after > longest_sleep) reason = Bench::rate_limited;
    if (reason == Bench::none) return std::nullopt;
    return target_->provider->credentials->bench(credential_, reason, error.retry_after, now);
}

void TargetPass::report(Verdict verdict, Instant now, double random) {
    target_->health->report(verdict, pass_, now, random);
    reported_ = true;
}

}  // namespace sluice

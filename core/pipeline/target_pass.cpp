#include "core/pipeline/target_pass.hpp"

#include <utility>

#include "core/policy/retry.hpp"

namespace sluice {

std::optional<TargetPass> TargetPass::enter(TargetRuntime const& target, Instant now, Wish const& wish) {
    auto const& provider = *target.provider;
    auto pass = provider.health->is_down() ? Breaker::Pass::refused : target.health->try_pass(now);
    if (pass == Breaker::Pass::refused && wish.whatever_the_breaker_says) pass = Breaker::Pass::normal;
    if (pass != Breaker::Pass::refused) {
        bool const has_place = wish.has_place || provider.in_flight->try_enter(provider.settings->max_in_flight);
        if (has_place && wish.own_key != nullptr) return TargetPass(target, pass, wish.own_key, 0);
        auto const credential = has_place ? provider.credentials->pick(now, wish.credential) : std::nullopt;
        if (credential) return TargetPass(target, pass, nullptr, *credential);
        if (has_place) provider.in_flight->leave();
        target.health->report(Verdict::silent, pass, now, 0);
    } else if (wish.has_place) {
        provider.in_flight->leave();
    }
    return std::nullopt;
}

TargetPass::TargetPass(TargetPass&& other) noexcept
    : target_(std::exchange(other.target_, nullptr)),
      pass_(other.pass_),
      reported_(other.reported_),
      own_key_(other.own_key_),
      credential_(other.credential_) {}

TargetPass::~TargetPass() {
    if (target_ == nullptr) return;
    target_->provider->in_flight->leave();
    if (!reported_ && pass_ == Breaker::Pass::probe) target_->health->report(Verdict::silent, pass_, Instant(), 0);
}

CredentialSettings const* TargetPass::credential() const {
    if (own_key_ != nullptr) return own_key_;
    auto const& credentials = target_->provider->credentials->credentials();
    return credentials.empty() ? nullptr : &credentials[credential_];
}

void TargetPass::note_limits(RateLimits const& limits, Elsewhere elsewhere, Instant now) {
    if (own_key_ != nullptr) return;
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
    if (own_key_ == nullptr) target_->provider->credentials->succeeded(credential_, sent_at);
}

std::optional<milliseconds> TargetPass::failed(Error const& error, Verdict verdict, Instant now, double random) {
    report(verdict, now, random, error.retry_after.value_or(milliseconds(0)));
    if (own_key_ != nullptr) return std::nullopt;
    auto reason = bench_for(error.kind);
    // Nobody sleeps so long (next_step()): what the upstream asks for is kept by its credential.
    if (reason == Bench::none && error.retry_after > longest_sleep) reason = Bench::rate_limited;
    if (reason == Bench::none) return std::nullopt;
    return target_->provider->credentials->bench(credential_, reason, error.retry_after, now);
}

void TargetPass::report(Verdict verdict, Instant now, double random, milliseconds asked_for) {
    target_->health->report(verdict, pass_, now, random, asked_for);
    reported_ = true;
}

}  // namespace sluice

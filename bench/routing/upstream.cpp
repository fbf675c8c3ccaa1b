#include "bench/routing/upstream.hpp"

#include <algorithm>

namespace sluice::routing {

Candidate Upstream::candidate(Instant now) {
    bool const free = credentials_.any_free(now);
    auto const resting = free ? CredentialPool::State{} : credentials_.all_benched(now);
    Candidate candidate{.name = model_->name, .provider = model_->name, .price = &model_->price};
    candidate.breaker = breaker_.state(now);
    candidate.breaker_refuses = breaker_.refuses(now);
    candidate.time_to_probe = breaker_.time_to_probe(now);
    candidate.credential_free = free;
    candidate.bench = resting.reason;
    candidate.time_to_credential = resting.time_left;
    candidate.in_flight = in_flight_;
    if (model_->requests_per_second > 0) {
        // As a provider's rate limit headers tell it.
        candidate.headroom_permille =
            static_cast<std::uint32_t>(allowance(seconds_at(now)) / model_->requests_per_second * 1'000);
    }
    candidate.measured = stats_.measured(now);
    return candidate;
}

double Upstream::allowance(double now) const {
    auto const refilled = allowed_ + (now - allowed_at_) * model_->requests_per_second;
    return std::min(refilled, model_->requests_per_second);
}

bool Upstream::would_refuse(double now) const { return model_->requests_per_second > 0 && allowance(now) < 1; }

Upstream::Outcome Upstream::send(double now, Random& random) {
    ++in_flight_;
    if (model_->requests_per_second > 0) {
        bool const refused = would_refuse(now);
        allowed_ = allowance(now);
        allowed_at_ = now;
        if (refused) {
            return {.after = 0.05, .error = Error{.kind = ErrorKind::upstream_rate_limited, .retry_after = seconds(1)}};
        }
        allowed_ -= 1;
    }
    if (std::uniform_real_distribution<double>()(random) < model_->failing_at(now)) {
        return {.after = 0.1, .error = Error{.kind = ErrorKind::upstream_server_error}};
    }
    return {.after = model_->draw_first_token(now, in_flight_, random)};
}

void Upstream::failed(Error const& error, Instant now, Breaker::Pass pass, double random) {
    --in_flight_;
    if (auto const reason = bench_for(error.kind); reason != Bench::none) {
        credentials_.bench(0, reason, error.retry_after, now);
        breaker_.released(pass);
        return;
    }
    breaker_.failed(now, pass, random);
    stats_.add({.verdict = Verdict::failure}, now);
}

void Upstream::cancelled(Breaker::Pass pass) {
    --in_flight_;
    breaker_.released(pass);
}

void Upstream::answered(AttemptSample const& sample, Instant now) {
    --in_flight_;
    stats_.add(sample, now);
}

}  // namespace sluice::routing

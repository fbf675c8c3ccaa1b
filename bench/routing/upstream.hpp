#pragma once

#include <optional>

#include "bench/routing/target_model.hpp"
#include "core/policy/breaker.hpp"
#include "core/policy/credential_pool.hpp"
#include "core/policy/planner.hpp"
#include "core/policy/target_stats.hpp"

namespace sluice::routing {

inline Instant instant_at(double now) {
    return Instant() + seconds(1'000) + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(now));
}

inline double seconds_at(Instant now) {
    return std::chrono::duration<double>(now - Instant() - seconds(1'000)).count();
}

/// A target with what the gateway keeps for it: breaker, credential, statistics. `model` must outlive it.
class Upstream {
public:
    explicit Upstream(TargetModel const& model) : model_(&model), allowed_(model.requests_per_second) {}

    /// How one attempt goes: an error or a first token, `after` so many seconds.
    struct Outcome {
        double after = 0;
        std::optional<Error> error{};
        std::int64_t cached = 0;
        bool resumed = false;
    };

    Candidate candidate(Instant now);
    Breaker::Pass try_pass(Instant now) { return breaker_.try_pass(now); }
    bool refuses(Instant now) const { return breaker_.refuses(now) || !credentials_.any_free(now); }
    /// Would the target answer 429 now?
    bool would_refuse(double now) const;
    Outcome send(double now, Random& random);

    void succeeded(Instant now, Breaker::Pass pass) { breaker_.succeeded(now, pass); }
    void failed(Error const& error, Instant now, Breaker::Pass pass, double random);
    void cancelled(Breaker::Pass pass);
    void answered(AttemptSample const& sample, Instant now);
    unsigned in_flight() const { return in_flight_; }

private:
    double allowance(double now) const;

    TargetModel const* model_;
    Breaker breaker_{BreakerSettings()};
    CredentialPool credentials_{{1}};
    TargetStats stats_{};
    unsigned in_flight_ = 0;
    double allowed_;  ///< requests that the rate limit still allows
    double allowed_at_ = 0;
};

}  // namespace sluice::routing

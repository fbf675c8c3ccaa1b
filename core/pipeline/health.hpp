#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/in_flight.hpp"
#include "core/pipeline/provider_health.hpp"
#include "core/pipeline/sessions.hpp"
#include "core/policy/breaker.hpp"
#include "core/policy/credential_pool.hpp"
#include "core/policy/hedge_budget.hpp"
#include "core/policy/target_stats.hpp"
#include "core/types/clock.hpp"
#include "core/types/rate_limits.hpp"
#include "core/types/settings.hpp"

/// What is known about the health of targets and providers. Thread: any; shared by all workers. Each lock guards a few
/// instructions of pure code, is never held over a suspension and never taken for a chunk.
namespace sluice {

/// The breaker of one target, and what was measured there.
class TargetHealth {
public:
    explicit TargetHealth(BreakerSettings const& settings) : breaker_(settings) {}

    struct View {
        BreakerState state = BreakerState::closed;
        bool refuses = false;
        milliseconds time_to_probe{0};
    };
    View view(Instant now) const;

    Breaker::Pass try_pass(Instant now);
    /// `asked_for`: as in Breaker::failed().
    void report(Verdict verdict, Breaker::Pass pass, Instant now, double random,
                milliseconds asked_for = milliseconds(0));
    /// Where the breaker is open its probe is due now.
    void let_probe(Instant now);

    void add(AttemptSample const& sample, Instant now);
    Measured measured(Instant now);

private:
    std::mutex mutable mutex_;
    Breaker breaker_;
    std::unique_ptr<TargetStats> stats_;  ///< from the first sample on: most of a thousand targets are never asked
};

/// The credentials of one provider, in the order of its settings.
class CredentialHealth {
public:
    explicit CredentialHealth(std::vector<CredentialSettings> credentials);

    /// The next by weight, or `preferred` where that is free.
    std::optional<std::size_t> pick(Instant now, std::optional<std::size_t> preferred = std::nullopt);
    bool any_free(Instant now) const;
    CredentialPool::State all_benched(Instant now) const;
    CredentialPool::State state(std::size_t credential, Instant now) const;
    milliseconds bench(std::size_t credential, Bench reason, std::optional<milliseconds> retry_after, Instant now);
    void succeeded(std::size_t credential, Instant sent_at);
    bool any_free_beside(std::size_t credential, Instant now) const;

    /// Remembers what the provider says is left to `credential`, until that is renewed.
    void note_limits(std::size_t credential, RateLimits const& limits, Instant now);
    /// What is left to all credentials together, as far as providers said so; of several limits of one the nearest.
    std::optional<std::int64_t> remaining(LimitKind kind, Instant now) const;
    /// How much of their limits all credentials together have left, by the kind that is nearest to its end.
    std::optional<std::uint32_t> headroom_permille(Instant now) const;

    std::vector<CredentialSettings> const& credentials() const { return credentials_; }

    /// Keeps what `before` knows about credentials with the same name and value.
    void inherit(CredentialHealth const& before);

private:
    std::vector<CredentialSettings> const credentials_;
    std::mutex mutable mutex_;
    CredentialPool pool_;
    struct Left {
        std::int64_t count = 0;
        std::int64_t limit = 0;  ///< 0: not said
        Instant until = Instant::min();
    };
    using LeftByKind = std::array<Left, static_cast<std::size_t>(LimitKind::count_)>;
    std::vector<LeftByKind> left_;  ///< by credential
    std::atomic<bool> limits_known_ = false;
    std::atomic<bool> benched_ = false;  ///< some credential was benched and has not succeeded since
};

struct BreakerStatus {
    std::string provider;
    std::string target_model;  ///< as configured; may hold a star
    BreakerState state = BreakerState::closed;
    milliseconds time_to_probe{0};
};

struct CredentialStatus {
    std::string provider;
    std::string credential;
    Bench bench = Bench::none;
    milliseconds time_left{0};
};

struct ProviderStatus {
    std::string provider;
    unsigned in_flight = 0;
    unsigned waiting = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(InFlight::WaitEnd::count_)> waits{};  ///< by how they ended
    std::optional<bool> healthy{};  ///< absent: it is not probed
};

struct CredentialLimit {
    std::string provider;
    LimitKind kind = LimitKind::requests;
    std::int64_t remaining = 0;
};

/// Finds health by name, so that a reload keeps it. Entries live as long as a snapshot that uses them. Thread: any.
class HealthRegistry {
public:
    /// Targets with the same name and the same settings share one breaker.
    std::shared_ptr<TargetHealth> target(std::string const& provider, std::string const& model,
                                         BreakerSettings const& settings);
    /// An unchanged list of credentials keeps its health; a changed one inherits that of each unchanged credential.
    std::shared_ptr<CredentialHealth> credentials(std::string const& provider,
                                                  std::vector<CredentialSettings> const& credentials);
    std::shared_ptr<InFlight> in_flight(std::string const& provider);
    std::shared_ptr<ProviderHealth> provider(std::string const& name);
    /// A probe has found `provider` alive: requests may find out whether its targets are.
    void let_probe(std::string_view provider, Instant now);
    std::shared_ptr<SessionTable> const& sessions() const { return sessions_; }
    std::shared_ptr<HedgeBudget> const& hedges() const { return hedges_; }

    /// For metrics and admin pages: one row for each target (the worst state where it has several breakers).
    std::vector<BreakerStatus> breakers(Instant now) const;
    std::vector<CredentialStatus> credentials(Instant now) const;
    std::vector<ProviderStatus> providers() const;
    /// One row for each provider and kind of which something is known.
    std::vector<CredentialLimit> limits(Instant now) const;

private:
    struct TargetEntry {
        std::string provider;
        std::string model;
        BreakerSettings settings;
        std::weak_ptr<TargetHealth> health;
    };
    std::mutex mutable mutex_;
    std::vector<TargetEntry> targets_;
    std::map<std::string, std::weak_ptr<CredentialHealth>> credentials_;
    std::map<std::string, std::weak_ptr<InFlight>> in_flight_;
    std::map<std::string, std::weak_ptr<ProviderHealth>> providers_;
    std::shared_ptr<SessionTable> const sessions_ = std::make_shared<SessionTable>();
    std::shared_ptr<HedgeBudget> const hedges_ = std::make_shared<HedgeBudget>();
};

}  // namespace sluice

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/settings.hpp"
#include "server/observe/limit_families.hpp"
#include "server/observe/metrics_shard.hpp"
#include "server/observe/observe_settings.hpp"
#include "server/observe/registry.hpp"

namespace sluice {
struct ProviderStatus;
}

namespace sluice::observe {

struct BuildInfo {
    std::string version;
    std::string commit;
};

enum class BreakerPhase : std::uint8_t { closed, half_open, open };

/// One target's breaker. The same target may come several times, once per worker; the page shows the worst.
struct BreakerState {
    std::string provider;
    std::string target;  ///< upstream model id
    BreakerPhase phase = BreakerPhase::closed;
};

/// What providers say is left of a limit.
struct RateRemaining {
    std::string provider;
    std::string_view kind;  ///< "requests" or "tokens"
    std::int64_t count = 0;
};

/// What a client of the metrics page must be told it is.
inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// The process' metrics: a shard for each worker, merged when the page is asked for.
/// Thread: any, but for the shards, which belong to their workers.
class Metrics {
public:
    Metrics(Settings const& settings, unsigned workers, BuildInfo build);
    ~Metrics();

    MetricsShard& shard(unsigned worker) { return *shards_[worker]; }

    /// Where the page gets the breakers' states from. `source` is called on the thread that calls expose().
    void set_breaker_source(std::function<std::vector<BreakerState>()> source);

    /// Where the page gets from what providers say is left. As above.
    void set_rate_source(std::function<std::vector<RateRemaining>()> source);

    /// Where the page gets from how many wait at each provider, and what our probes say of it. As above.
    void set_provider_source(std::function<std::vector<ProviderStatus>()> source);

    /// Where the page gets the number of lost log lines from.
    void set_log_dropped_source(std::function<std::uint64_t()> source);

    /// Where the page gets everybody's limits, and the ledger's figures from. As above.
    void set_limit_source(std::function<std::vector<LimitStatus>()> source);
    void set_ledger_source(std::function<LedgerFacts()> source);

    struct MemoryFacts {
        std::uint64_t used = 0;
        std::uint64_t limit = 0;  ///< 0: none
        std::uint64_t refused = 0;
    };
    /// Where the page gets the guard's figures from.
    void set_memory_source(std::function<MemoryFacts()> source);

    struct IdempotencyFacts {
        std::uint64_t replays = 0;
        std::uint64_t names = 0;
        std::uint64_t bytes = 0;
    };
    /// Where the page gets from what is known of requests with an Idempotency-Key. As above.
    void set_idempotency_source(std::function<IdempotencyFacts()> source);

    /// Of all shards: MetricsShard::answered_calls().
    std::int64_t answered_calls() const;

    /// After a (re)load of the configuration. A failed one leaves `hash` as it was.
    enum class Reload : std::uint8_t { succeeded, failed };
    void config_reloaded(Reload result, std::string_view hash, std::chrono::system_clock::time_point now);

    /// Adopts changed settings.
    void configure(Settings const& settings);

    /// The page in the Prometheus text format. Takes milliseconds with many series: not for a worker's thread.
    std::string expose() const;

private:
    struct Facts {
        std::string config_hash;
        std::chrono::system_clock::time_point reloaded_at{};
        Reload reload = Reload::succeeded;
        std::function<std::vector<BreakerState>()> breakers;
        std::function<std::vector<RateRemaining>()> rates;
        std::function<std::vector<ProviderStatus>()> providers;
        std::function<std::uint64_t()> log_dropped;
        std::function<MemoryFacts()> memory;
        std::function<IdempotencyFacts()> idempotency;
        std::function<std::vector<LimitStatus>()> limits;
        std::function<LedgerFacts()> ledger;
    };

    SettingsCell settings_;
    Registry registry_;
    BuildInfo build_;
    std::vector<std::unique_ptr<MetricsShard>> shards_;
    mutable std::mutex mutex_;  // guards facts_
    Facts facts_;
};

}  // namespace sluice::observe

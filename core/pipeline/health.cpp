#include "core/pipeline/health.hpp"

#include <algorithm>

namespace sluice {
namespace {

bool same(CredentialSettings const& a, CredentialSettings const& b) { return a.name == b.name && a.value == b.value; }

bool same(BreakerSettings const& a, BreakerSettings const& b) {
    return a.window == b.window && a.min_requests == b.min_requests && a.failure_percent == b.failure_percent &&
           a.consecutive == b.consecutive && a.open_for == b.open_for && a.open_max == b.open_max;
}

bool same_list(std::vector<CredentialSettings> const& a, std::vector<CredentialSettings> const& b) {
    auto equal = [](CredentialSettings const& x, CredentialSettings const& y) {
        return same(x, y) && x.weight == y.weight;
    };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

constexpr milliseconds unsaid_reset{60'000};  ///< most limits are by the minute
constexpr std::chrono::hours longest_memory{24};

std::vector<unsigned> weights_of(std::vector<CredentialSettings> const& credentials) {
    std::vector<unsigned> weights;
    weights.reserve(credentials.size());
    for (auto const& credential : credentials) weights.push_back(credential.weight);
    return weights;
}

}  // namespace

TargetHealth::View TargetHealth::view(Instant now) const {
    std::lock_guard const lock(mutex_);
    return {breaker_.state(now), breaker_.refuses(now), breaker_.time_to_probe(now)};
}

Breaker::Pass TargetHealth::try_pass(Instant now) {
    std::lock_guard const lock(mutex_);
    return breaker_.try_pass(now);
}

void TargetHealth::report(Verdict verdict, Breaker::Pass pass, Instant now, double random, milliseconds asked_for) {
    std::lock_guard const lock(mutex_);
    switch (verdict) {
        case Verdict::success:
            return breaker_.succeeded(now, pass);
        case Verdict::failure:
            return breaker_.failed(now, pass, random, asked_for);
        case Verdict::silent:
            return breaker_.released(pass);
    }
}

void TargetHealth::let_probe(Instant now) {
    std::lock_guard const lock(mutex_);
    breaker_.let_probe(now);
}

void TargetHealth::add(AttemptSample const& sample, Instant now) {
    std::lock_guard const lock(mutex_);
    if (!stats_) stats_ = std::make_unique<TargetStats>();
    stats_->add(sample, now);
}

Measured TargetHealth::measured(Instant now) {
    std::lock_guard const lock(mutex_);
    return stats_ ? stats_->measured(now) : Measured();
}

CredentialHealth::CredentialHealth(std::vector<CredentialSettings> credentials)
    : credentials_(std::move(credentials)), pool_(weights_of(credentials_)), left_(pool_.size()) {}

std::optional<std::size_t> CredentialHealth::pick(Instant now, std::optional<std::size_t> preferred) {
    std::lock_guard const lock(mutex_);
    if (preferred && *preferred < pool_.size() && pool_.state(*preferred, now).reason == Bench::none) return preferred;
    return pool_.pick(now);
}

bool CredentialHealth::any_free(Instant now) const {
    if (!benched_.load(std::memory_order_relaxed)) return true;
    std::lock_guard const lock(mutex_);
    return pool_.any_free(now);
}

CredentialPool::State CredentialHealth::all_benched(Instant now) const {
    std::lock_guard const lock(mutex_);
    return pool_.all_benched(now);
}

CredentialPool::State CredentialHealth::state(std::size_t credential, Instant now) const {
    std::lock_guard const lock(mutex_);
    return pool_.state(credential, now);
}

milliseconds CredentialHealth::bench(std::size_t credential, Bench reason, std::optional<milliseconds> retry_after,
                                     Instant now) {
    std::lock_guard const lock(mutex_);
    benched_.store(true, std::memory_order_relaxed);
    return pool_.bench(credential, reason, retry_after, now);
}

void CredentialHealth::succeeded(std::size_t credential, Instant sent_at) {
    if (!benched_.load(std::memory_order_relaxed)) return;
    std::lock_guard const lock(mutex_);
    pool_.succeeded(credential, sent_at);
    benched_.store(pool_.any_remembered(), std::memory_order_relaxed);
}

bool CredentialHealth::any_free_beside(std::size_t credential, Instant now) const {
    std::lock_guard const lock(mutex_);
    return pool_.any_free_beside(credential, now);
}

void CredentialHealth::note_limits(std::size_t credential, RateLimits const& limits, Instant now) {
    LeftByKind left{};
    for (auto const& bucket : limits) {
        auto& nearest = left[static_cast<std::size_t>(bucket.kind)];
        bool const is_nearer = nearest.until == Instant::min() || bucket.remaining < nearest.count;
        if (bucket.remaining < 0 || !is_nearer) continue;
        auto const wait = std::min(bucket.resets_in.value_or(unsaid_reset), milliseconds(longest_memory));
        nearest = {.count = bucket.remaining, .limit = std::max<std::int64_t>(bucket.limit, 0), .until = now + wait};
    }
    limits_known_.store(true, std::memory_order_relaxed);
    std::lock_guard const lock(mutex_);
    for (std::size_t kind = 0; kind < left.size(); ++kind) {
        if (left[kind].until != Instant::min()) left_[credential][kind] = left[kind];
    }
}

std::optional<std::int64_t> CredentialHealth::remaining(LimitKind kind, Instant now) const {
    std::optional<std::int64_t> sum;
    std::lock_guard const lock(mutex_);
    for (auto const& credential : left_) {
        auto const& left = credential[static_cast<std::size_t>(kind)];
        if (now < left.until) sum = sum.value_or(0) + left.count;
    }
    return sum;
}

std::optional<std::uint32_t> CredentialHealth::headroom_permille(Instant now) const {
    if (!limits_known_.load(std::memory_order_relaxed)) return std::nullopt;
    std::optional<std::uint32_t> least;
    std::lock_guard const lock(mutex_);
    for (std::size_t kind = 0; kind < std::tuple_size_v<LeftByKind>; ++kind) {
        std::int64_t left = 0;
        std::int64_t limit = 0;
        for (auto const& credential : left_) {
            if (now >= credential[kind].until || credential[kind].limit <= 0) continue;
            left += std::min(credential[kind].count, credential[kind].limit);
            limit += credential[kind].limit;
        }
        if (limit == 0) continue;
        auto const share = static_cast<std::uint32_t>(static_cast<double>(left) * 1000.0 / static_cast<double>(limit));
        least = std::min(least.value_or(share), share);
    }
    return least;
}

void CredentialHealth::inherit(CredentialHealth const& before) {
    std::scoped_lock const lock(mutex_, before.mutex_);
    for (std::size_t i = 0; i < credentials_.size(); ++i) {
        for (std::size_t j = 0; j < before.credentials_.size(); ++j) {
            if (!same(credentials_[i], before.credentials_[j])) continue;
            pool_.inherit(i, before.pool_, j);
            left_[i] = before.left_[j];
        }
    }
    limits_known_.store(before.limits_known_, std::memory_order_relaxed);
    benched_.store(pool_.any_remembered(), std::memory_order_relaxed);
}

std::shared_ptr<TargetHealth> HealthRegistry::target(std::string const& provider, std::string const& model,
                                                     BreakerSettings const& settings) {
    std::lock_guard const lock(mutex_);
    std::erase_if(targets_, [](TargetEntry const& entry) { return entry.health.expired(); });
    for (auto const& entry : targets_) {
        if (entry.provider != provider || entry.model != model || !same(entry.settings, settings)) continue;
        if (auto health = entry.health.lock()) return health;
    }
    auto health = std::make_shared<TargetHealth>(settings);
    targets_.push_back({provider, model, settings, health});
    return health;
}

std::shared_ptr<CredentialHealth> HealthRegistry::credentials(std::string const& provider,
                                                              std::vector<CredentialSettings> const& credentials) {
    std::lock_guard const lock(mutex_);
    auto& entry = credentials_[provider];
    auto before = entry.lock();
    if (before && same_list(before->credentials(), credentials)) return before;
    auto health = std::make_shared<CredentialHealth>(credentials);
    if (before) health->inherit(*before);
    entry = health;
    return health;
}

std::shared_ptr<InFlight> HealthRegistry::in_flight(std::string const& provider) {
    std::lock_guard const lock(mutex_);
    auto& entry = in_flight_[provider];
    if (auto known = entry.lock()) return known;
    auto count = std::make_shared<InFlight>();
    entry = count;
    return count;
}

std::shared_ptr<ProviderHealth> HealthRegistry::provider(std::string const& name) {
    std::lock_guard const lock(mutex_);
    auto& entry = providers_[name];
    if (auto known = entry.lock()) return known;
    auto health = std::make_shared<ProviderHealth>();
    entry = health;
    return health;
}

void HealthRegistry::let_probe(std::string_view provider, Instant now) {
    std::lock_guard const lock(mutex_);
    for (auto const& entry : targets_) {
        auto const health = entry.provider == provider ? entry.health.lock() : nullptr;
        if (health) health->let_probe(now);
    }
}

std::vector<BreakerStatus> HealthRegistry::breakers(Instant now) const {
    std::lock_guard const lock(mutex_);
    std::vector<BreakerStatus> rows;
    for (auto const& entry : targets_) {
        auto const health = entry.health.lock();
        if (!health) continue;
        auto const view = health->view(now);
        auto const known = std::find_if(rows.begin(), rows.end(), [&entry](BreakerStatus const& row) {
            return row.provider == entry.provider && row.target_model == entry.model;
        });
        if (known == rows.end()) {
            rows.push_back({entry.provider, entry.model, view.state, view.time_to_probe});
        } else if (view.state > known->state) {
            known->state = view.state;
            known->time_to_probe = view.time_to_probe;
        }
    }
    return rows;
}

std::vector<CredentialStatus> HealthRegistry::credentials(Instant now) const {
    std::lock_guard const lock(mutex_);
    std::vector<CredentialStatus> rows;
    for (auto const& [provider, entry] : credentials_) {
        auto const health = entry.lock();
        for (std::size_t i = 0; health && i < health->credentials().size(); ++i) {
            auto const state = health->state(i, now);
            rows.push_back({provider, health->credentials()[i].name, state.reason, state.time_left});
        }
    }
    return rows;
}

std::vector<CredentialLimit> HealthRegistry::limits(Instant now) const {
    std::lock_guard const lock(mutex_);
    std::vector<CredentialLimit> rows;
    for (auto const& [provider, entry] : credentials_) {
        auto const health = entry.lock();
        if (!health) continue;
        for (auto const kind : {LimitKind::requests, LimitKind::tokens}) {
            if (auto const left = health->remaining(kind, now)) rows.push_back({provider, kind, *left});
        }
    }
    return rows;
}

std::vector<ProviderStatus> HealthRegistry::providers() const {
    std::lock_guard const lock(mutex_);
    std::vector<ProviderStatus> rows;
    for (auto const& [provider, entry] : in_flight_) {
        auto const count = entry.lock();
        if (!count) continue;
        ProviderStatus row{.provider = provider, .in_flight = count->count(), .waiting = count->waiting()};
        for (std::size_t end = 0; end < row.waits.size(); ++end) {
            row.waits[end] = count->waits(static_cast<InFlight::WaitEnd>(end));
        }
        auto const found = providers_.find(provider);
        auto const health = found == providers_.end() ? nullptr : found->second.lock();
        if (health) row.healthy = health->healthy();
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace sluice

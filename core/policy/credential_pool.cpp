#include "core/policy/credential_pool.hpp"

#include <algorithm>

namespace sluice {
namespace {

constexpr std::chrono::hours longest_rest{24};  ///< whatever a provider says

constexpr milliseconds doubled(milliseconds first, unsigned times, milliseconds cap) {
    return std::min(first * (std::int64_t{1} << std::min(times, 20U)), cap);
}

}  // namespace

std::string_view to_string(Bench reason) {
    switch (reason) {
        case Bench::rate_limited:
            return "rate_limited";
        case Bench::auth:
            return "auth";
        case Bench::quota:
            return "quota";
        case Bench::none:
            break;
    }
    return "none";
}

Bench bench_for(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::upstream_rate_limited:
            return Bench::rate_limited;
        case ErrorKind::upstream_auth:
            return Bench::auth;
        case ErrorKind::upstream_quota_exhausted:
            return Bench::quota;
        default:
            return Bench::none;
    }
}

CredentialPool::CredentialPool(std::vector<unsigned> const& weights) {
    entries_.reserve(std::max<std::size_t>(weights.size(), 1));
    for (auto weight : weights) entries_.push_back({.weight = std::max(weight, 1U)});
    if (entries_.empty()) entries_.emplace_back();
}

std::optional<std::size_t> CredentialPool::pick(Instant now) {
    Entry* best = nullptr;
    std::int64_t total = 0;
    for (auto& entry : entries_) {
        if (now < entry.until) continue;
        entry.current += entry.weight;
        total += entry.weight;
        if (best == nullptr || entry.current > best->current) best = &entry;
    }
    if (best == nullptr) return std::nullopt;
    best->current -= total;
    return static_cast<std::size_t>(best - entries_.data());
}

bool CredentialPool::any_free(Instant now) const {
    return std::any_of(entries_.begin(), entries_.end(), [now](Entry const& entry) { return now >= entry.until; });
}

bool CredentialPool::any_free_beside(std::size_t credential, Instant now) const {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (i != credential && now >= entries_[i].until) return true;
    }
    return false;
}

milliseconds CredentialPool::bench(std::size_t credential, Bench reason, std::optional<milliseconds> retry_after,
                                   Instant now) {
    auto& entry = entries_[credential];
    if (entry.reason != reason) entry.benches = 0;
    // Requests that were under way together fail together; that is one reason to rest, not many.
    bool const resting = now < entry.until && entry.reason == reason;
    auto const times = resting && entry.benches > 0 ? entry.benches - 1 : entry.benches;
    milliseconds const rest =
        reason == Bench::rate_limited
            ? std::min(retry_after.value_or(doubled(seconds(1), times, seconds(60))), milliseconds(longest_rest))
            : doubled(seconds(60), times, seconds(3600));
    if (!resting) ++entry.benches;
    entry.reason = reason;
    entry.benched_at = now;
    entry.until = std::max(entry.until, now + rest);
    return std::chrono::ceil<milliseconds>(entry.until - now);
}

void CredentialPool::succeeded(std::size_t credential, Instant sent_at) {
    auto& entry = entries_[credential];
    if (sent_at < entry.benched_at) return;  // under way when the provider refused another: proves nothing since
    entry.reason = Bench::none;
    entry.benches = 0;
    entry.until = Instant::min();
}

bool CredentialPool::any_remembered() const {
    return std::any_of(entries_.begin(), entries_.end(), [](Entry const& entry) { return entry.benches != 0; });
}

CredentialPool::State CredentialPool::state(std::size_t credential, Instant now) const {
    auto const& entry = entries_[credential];
    if (now >= entry.until) return {};
    return {entry.reason, std::chrono::ceil<milliseconds>(entry.until - now)};
}

CredentialPool::State CredentialPool::all_benched(Instant now) const {
    State shared{entries_.front().reason, milliseconds::max()};
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        auto const one = state(i, now);
        shared.time_left = std::min(shared.time_left, one.time_left);
        if (one.reason != shared.reason) shared.reason = Bench::none;
    }
    return shared;
}

void CredentialPool::inherit(std::size_t credential, CredentialPool const& before, std::size_t from) {
    auto& entry = entries_[credential];
    auto const weight = entry.weight;
    entry = before.entries_[from];
    entry.weight = weight;
    entry.current = 0;
}

}  // namespace sluice

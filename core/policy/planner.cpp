#include "core/policy/planner.hpp"

namespace sluice {
namespace {

/// Why a target can't be used now; empty: it can.
ExcludedTarget exclusion(std::size_t index, Candidate const& candidate) {
    if (!candidate.breaker_allows) return {index, "breaker open", candidate.next_probe};
    if (!candidate.credential_free) return {index, "all credentials benched", candidate.credential_free_at};
    if (!candidate.has_room) return {index, "provider at its limit of requests in flight", never};
    return {index, "", never};
}

}  // namespace

Instant Plan::next_chance() const {
    Instant soonest = never;
    for (auto const& target : excluded) soonest = earlier(soonest, target.free_at);
    return soonest;
}

Plan plan(std::string_view /*policy*/, std::span<Candidate const> candidates) {
    Plan result;
    result.targets.reserve(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        auto const excluded = exclusion(i, candidates[i]);
        if (excluded.reason.empty()) {
            result.targets.push_back({i, i == 0 ? "first choice" : "fallback"});
        } else {
            result.excluded.push_back(excluded);
        }
    }
    return result;
}

bool matches(std::string_view pattern, std::string_view name, std::string_view& star) {
    auto const at = pattern.find('*');
    if (at == std::string_view::npos) return pattern == name;
    auto const before = pattern.substr(0, at);
    auto const behind = pattern.substr(at + 1);
    if (name.size() < before.size() + behind.size()) return false;
    if (!name.starts_with(before) || !name.ends_with(behind)) return false;
    star = name.substr(before.size(), name.size() - before.size() - behind.size());
    return true;
}

}  // namespace sluice

#include "core/policy/planner.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace sluice {
namespace {

void keep_order(std::span<Candidate const> candidates, std::vector<PlannedTarget>& usable) {
    for (auto& planned : usable) {
        bool const probe = candidates[planned.target].breaker == BreakerState::half_open;
        planned.reason = probe                 ? "fallback: probe"
                         : planned.target == 0 ? "fallback: first"
                                               : "fallback: next in order";
    }
}

struct NamedPolicy {
    std::string_view name;
    RoutingPolicy policy;
};
constexpr std::array policies{NamedPolicy{"fallback", keep_order}};

/// `excluded` is not empty.
ErrorKind shared_cause(std::span<ExcludedTarget const> excluded) {
    auto const first = excluded.front();
    auto same = [&first](ExcludedTarget const& other) { return other.why == first.why && other.bench == first.bench; };
    if (!std::all_of(excluded.begin(), excluded.end(), same)) return ErrorKind::no_upstream_available;
    if (first.why == Exclusion::parameters_unsupported) return ErrorKind::unsupported_parameter;
    if (first.why == Exclusion::target_full) return ErrorKind::overloaded;
    if (first.why == Exclusion::breaker_open) return ErrorKind::no_upstream_available;
    switch (first.bench) {
        case Bench::rate_limited:
            return ErrorKind::upstream_rate_limited;
        case Bench::auth:
            return ErrorKind::upstream_auth;
        case Bench::quota:
            return ErrorKind::upstream_quota_exhausted;
        case Bench::none:
            break;
    }
    return ErrorKind::no_upstream_available;
}

}  // namespace

std::string_view to_string(Exclusion why) {
    switch (why) {
        case Exclusion::parameters_unsupported:
            return "parameters unsupported";
        case Exclusion::breaker_open:
            return "breaker open";
        case Exclusion::credentials_benched:
            return "all credentials benched";
        case Exclusion::target_full:
            break;
    }
    return "target full";
}

RoutingPolicy find_routing_policy(std::string_view name) {
    for (auto const& known : policies) {
        if (known.name == name) return known.policy;
    }
    return nullptr;
}

std::optional<ExcludedTarget> exclusion(Candidate const& candidate) {
    if (!candidate.takes_request) return ExcludedTarget{.why = Exclusion::parameters_unsupported};
    if (candidate.breaker_refuses) {
        return ExcludedTarget{.why = Exclusion::breaker_open, .time_left = candidate.time_to_probe};
    }
    if (!candidate.credential_free) {
        return ExcludedTarget{
            .why = Exclusion::credentials_benched, .bench = candidate.bench, .time_left = candidate.time_to_credential};
    }
    if (candidate.max_in_flight != 0 && candidate.in_flight >= candidate.max_in_flight) {
        return ExcludedTarget{.why = Exclusion::target_full, .time_left = seconds(1)};
    }
    return std::nullopt;
}

Plan make_plan(std::span<Candidate const> candidates, RoutingPolicy policy) {
    Plan plan;
    plan.order.reserve(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (auto excluded = exclusion(candidates[i])) {
            excluded->target = i;
            plan.excluded.push_back(*excluded);
        } else {
            plan.order.push_back({.target = i});
        }
    }
    policy(candidates, plan.order);
    return plan;
}

Error nothing_planned(std::span<Candidate const> candidates, Plan const& plan) {
    if (plan.excluded.empty()) return {.kind = ErrorKind::no_upstream_available, .detail = "the model has no target"};
    auto might_take = [](ExcludedTarget const& target) { return target.why != Exclusion::parameters_unsupported; };
    std::vector<ExcludedTarget> waiting;
    std::copy_if(plan.excluded.begin(), plan.excluded.end(), std::back_inserter(waiting), might_take);
    Error error{.kind = shared_cause(waiting.empty() ? plan.excluded : waiting)};
    auto sooner = [](ExcludedTarget const& a, ExcludedTarget const& b) { return a.time_left < b.time_left; };
    if (!waiting.empty()) error.retry_after = std::min_element(waiting.begin(), waiting.end(), sooner)->time_left;
    for (auto const& excluded : plan.excluded) {
        if (!error.detail.empty()) error.detail += "; ";
        error.detail += candidates[excluded.target].name;
        error.detail += ": ";
        error.detail += to_string(excluded.why);
        if (excluded.bench != Bench::none) (error.detail += ", ") += to_string(excluded.bench);
    }
    return error;
}

}  // namespace sluice

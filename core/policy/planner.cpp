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
    constexpr std::array<std::string_view, static_cast<std::size_t>(Exclusion::count_)> names{"parameters unsupported",
                                                                                              "lacks a capability",
                                                                                              "context too small",
                                                                                              "region",
                                                                                              "retention",
                                                                                              "training",
                                                                                              "quantization",
                                                                                              "price ceiling",
                                                                                              "not free",
                                                                                              "not chosen",
                                                                                              "breaker open",
                                                                                              "all credentials benched",
                                                                                              "target full"};
    return names[static_cast<std::size_t>(why)];
}

std::optional<ExcludedTarget> unavailability(Candidate const& candidate) {
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

Plan make_plan(PlanInput const& input) {
    Plan plan;
    auto const& candidates = input.candidates;
    plan.order.reserve(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (auto excluded = unavailability(candidates[i])) {
            excluded->target = i;
            plan.excluded.push_back(*excluded);
        } else {
            plan.order.push_back({.target = i});
        }
    }
    keep_order(candidates, plan.order);
    return plan;
}

std::optional<NanoUsd> expected_cost(RequestFacts const&, Candidate const&, std::int64_t) { return std::nullopt; }

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

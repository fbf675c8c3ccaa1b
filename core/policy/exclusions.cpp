#include <algorithm>
#include <array>
#include <iterator>
#include <string>

#include "core/policy/filters.hpp"
#include "core/policy/planner.hpp"

namespace sluice {
namespace {

/// `excluded` is not empty, and no target of it is left out for good unless all are.
ErrorKind shared_cause(std::span<ExcludedTarget const> excluded) {
    auto const first = excluded.front();
    auto same = [&first](ExcludedTarget const& other) { return other.why == first.why && other.bench == first.bench; };
    if (!std::all_of(excluded.begin(), excluded.end(), same)) return ErrorKind::no_upstream_available;
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

std::string list_of(std::span<Candidate const> candidates, Plan const& plan) {
    std::string text;
    for (auto const& excluded : plan.excluded) {
        if (!text.empty()) text += "; ";
        text += candidates[excluded.target].name;
        text += ": ";
        text += to_string(excluded.why);
        if (excluded.lacking != Capability::count_) (text += ", ") += to_string(excluded.lacking);
        if (excluded.bench != Bench::none) (text += ", ") += to_string(excluded.bench);
    }
    return text;
}

/// What the request needs, as far as targets were left out for it: "tools, about 9000 tokens of context".
std::string needs_of(Plan const& plan, RequestFacts const* facts) {
    if (facts == nullptr) return {};
    Capabilities lacking;
    bool long_prompt = false;
    for (auto const& excluded : plan.excluded) {
        if (excluded.lacking != Capability::count_) lacking.add(excluded.lacking);
        long_prompt |= excluded.why == Exclusion::context_too_small;
    }
    std::string text;
    for (std::size_t i = 0; i < capability_count; ++i) {
        auto const capability = static_cast<Capability>(i);
        if (!lacking.has(capability)) continue;
        if (!text.empty()) text += ", ";
        text += to_string(capability);
    }
    if (long_prompt) {
        if (!text.empty()) text += ", ";
        text += "about " + std::to_string(facts->input_tokens + answer_room(*facts, {})) + " tokens of context";
    }
    return text;
}

Error nothing_fits(std::span<Candidate const> candidates, Plan const& plan, RequestFacts const* facts) {
    // What the client left out itself is not what went wrong, unless nothing else did.
    auto all_but_chosen = [&plan](Exclusion why) {
        auto ok = [why](ExcludedTarget const& each) { return each.why == why || each.why == Exclusion::not_chosen; };
        auto is = [why](ExcludedTarget const& each) { return each.why == why; };
        return std::all_of(plan.excluded.begin(), plan.excluded.end(), ok) &&
               std::any_of(plan.excluded.begin(), plan.excluded.end(), is);
    };
    if (all_but_chosen(Exclusion::parameters_unsupported)) {
        return {.kind = ErrorKind::unsupported_parameter, .detail = list_of(candidates, plan)};
    }
    std::string message = "no target of this model can serve this request";
    if (auto const needs = needs_of(plan, facts); !needs.empty()) message += ", which needs " + needs;
    message += ": " + list_of(candidates, plan);
    Error error{.kind = ErrorKind::no_target_fits, .message = message, .detail = list_of(candidates, plan)};
    if (all_but_chosen(Exclusion::context_too_small)) error.code = "context_length_exceeded";
    return error;
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

Error nothing_planned(std::span<Candidate const> candidates, Plan const& plan, RequestFacts const* facts) {
    if (plan.excluded.empty()) return {.kind = ErrorKind::no_upstream_available, .detail = "the model has no target"};
    std::vector<ExcludedTarget> waiting;
    std::copy_if(plan.excluded.begin(), plan.excluded.end(), std::back_inserter(waiting),
                 [](ExcludedTarget const& target) { return !is_permanent(target.why); });
    if (waiting.empty()) return nothing_fits(candidates, plan, facts);
    auto sooner = [](ExcludedTarget const& a, ExcludedTarget const& b) { return a.time_left < b.time_left; };
    return {.kind = shared_cause(waiting),
            .detail = list_of(candidates, plan),
            .retry_after = std::min_element(waiting.begin(), waiting.end(), sooner)->time_left};
}

}  // namespace sluice

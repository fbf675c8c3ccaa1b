#include "core/policy/filters.hpp"

#include <algorithm>
#include <bit>

#include "core/policy/expected_cost.hpp"

namespace sluice {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

bool lists(std::vector<std::string> const& allowed, std::string_view value) {
    return std::any_of(allowed.begin(), allowed.end(),
                       [value](std::string const& each) { return equal_ignoring_case(each, value); });
}

bool above_ceiling(TargetFilter const& filter, RequestFacts const& facts, Candidate const& candidate) {
    if (!filter.max_input_price && !filter.max_output_price) return false;
    if (candidate.price == nullptr) return true;
    auto const prices = prices_at(*candidate.price, facts.input_tokens);
    return (filter.max_input_price && prices.input > *filter.max_input_price) ||
           (filter.max_output_price && prices.output > *filter.max_output_price);
}

std::optional<Exclusion> forbidden_by(TargetFilter const* filter, RequestFacts const& facts,
                                      Candidate const& candidate) {
    if (filter == nullptr || filter->empty()) return std::nullopt;
    static TargetTraits const nothing_known;
    auto const& traits = candidate.traits != nullptr ? *candidate.traits : nothing_known;
    if (!filter->regions.empty() && !lists(filter->regions, traits.region)) return Exclusion::region;
    if (filter->zero_retention && traits.zero_retention != true) return Exclusion::retention;
    if (filter->no_training && traits.trains != false) return Exclusion::training;
    if (!filter->quantizations.empty() && !lists(filter->quantizations, traits.quantization)) {
        return Exclusion::quantization;
    }
    if (above_ceiling(*filter, facts, candidate)) return Exclusion::price_ceiling;
    return std::nullopt;
}

bool is_free(RequestFacts const& facts, Candidate const& candidate) {
    if (candidate.price == nullptr) return false;
    auto const prices = prices_at(*candidate.price, facts.input_tokens);
    return prices.input.value.count == 0 && prices.output.value.count == 0;
}

/// What a client says about providers may be meant for those behind a router, which is told.
bool left_out_by_client(Steering const& steering, Candidate const& candidate) {
    if (!steering.ignore.empty() && names_target(steering.ignore, candidate)) return true;
    if (candidate.is_router) return false;
    if (!steering.only.empty() && !names_target(steering.only, candidate)) return true;
    return !steering.allow_fallbacks && !steering.order.empty() && !names_target(steering.order, candidate);
}

std::optional<ExcludedTarget> incapability(RequestFacts const& facts, TargetTraits const& traits) {
    if (auto const lacking = traits.lacks.both(facts.needs); !lacking.empty()) {
        auto const first = static_cast<Capability>(std::countr_zero(lacking.bits));
        return ExcludedTarget{.why = Exclusion::lacks_capability, .lacking = first};
    }
    if (traits.context > 0 && facts.input_tokens + answer_room(facts, traits) > traits.context) {
        return ExcludedTarget{.why = Exclusion::context_too_small};
    }
    return std::nullopt;
}

}  // namespace

std::int64_t answer_room(RequestFacts const& facts, TargetTraits const& traits) {
    auto const asked = facts.output_tokens > 0 ? facts.output_tokens : default_answer_room;
    return traits.max_output > 0 ? std::min(asked, traits.max_output) : asked;
}

bool names_target(std::string_view name, Candidate const& candidate) {
    return equal_ignoring_case(name, candidate.provider) || equal_ignoring_case(name, candidate.name);
}

bool names_target(std::vector<std::string> const& names, Candidate const& candidate) {
    return std::any_of(names.begin(), names.end(),
                       [&candidate](std::string const& name) { return names_target(name, candidate); });
}

bool is_doubtful(PlanInput const& input, Candidate const& candidate, ExcludedTarget const& excluded) {
    if (candidate.traits == nullptr) return false;
    auto const& facts = input.facts;
    auto passing = candidate;
    TargetTraits traits = *candidate.traits;
    passing.traits = &traits;
    if (excluded.why == Exclusion::lacks_capability) {
        auto const wanted = traits.lacks.both(facts.needs);
        if (input.strict || wanted.has(Capability::vision) || wanted.has(Capability::audio)) return false;
        traits.lacks = {};
    } else if (excluded.why == Exclusion::context_too_small) {
        bool const far_too_long = facts.input_tokens > 2 * traits.context;
        if (input.long_prompts_go_elsewhere || far_too_long) return false;
        traits.context = 0;
    } else {
        return false;
    }
    return !unfitness(input, passing);
}

std::optional<ExcludedTarget> unfitness(PlanInput const& input, Candidate const& candidate) {
    auto const* steering = input.steering;
    if (steering != nullptr && left_out_by_client(*steering, candidate)) {
        return ExcludedTarget{.why = Exclusion::not_chosen};
    }
    bool const must_lose_nothing = steering != nullptr && steering->require_parameters;
    if (!candidate.takes_request || (must_lose_nothing && !candidate.loses_nothing)) {
        return ExcludedTarget{.why = Exclusion::parameters_unsupported};
    }
    if (candidate.traits != nullptr) {
        if (auto const unable = incapability(input.facts, *candidate.traits)) return unable;
    }
    auto const* client_filter = steering != nullptr && !candidate.is_router ? &steering->filter : nullptr;
    for (auto const* filter : {input.caller_filter, input.model_filter, client_filter}) {
        if (auto const why = forbidden_by(filter, input.facts, candidate)) return ExcludedTarget{.why = *why};
    }
    if (steering != nullptr && steering->free_only && !is_free(input.facts, candidate)) {
        return ExcludedTarget{.why = Exclusion::not_free};
    }
    return std::nullopt;
}

}  // namespace sluice

#include "core/policy/expected_cost.hpp"

#include <algorithm>

namespace sluice {

std::int64_t usual_output(std::span<Candidate const> candidates) {
    std::int64_t sum = 0;
    std::int64_t known = 0;
    for (auto const& candidate : candidates) {
        if (candidate.measured.mean_output_tokens == 0) continue;
        sum += candidate.measured.mean_output_tokens;
        ++known;
    }
    return known == 0 ? default_output_tokens : sum / known;
}

std::int64_t expected_output(RequestFacts const& facts, Candidate const& candidate, std::int64_t usual) {
    auto expected = usual;
    if (facts.output_tokens > 0) expected = std::min(expected, facts.output_tokens);
    if (candidate.traits != nullptr && candidate.traits->max_output > 0) {
        expected = std::min(expected, candidate.traits->max_output);
    }
    return expected;
}

std::optional<NanoUsd> expected_cost(RequestFacts const& facts, Candidate const& candidate, std::int64_t cached_tokens,
                                     std::int64_t usual) {
    if (candidate.price == nullptr) return std::nullopt;
    std::int64_t const own = candidate.measured.mean_output_tokens;
    Usage const usage{.input = facts.input_tokens,
                      .output = expected_output(facts, candidate, own > 0 ? own : usual),
                      .cached_input = std::min(cached_tokens, facts.input_tokens)};
    return cost_of(usage, *candidate.price);
}

std::optional<NanoUsd> expected_cost(RequestFacts const& facts, Candidate const& candidate,
                                     std::int64_t cached_tokens) {
    return expected_cost(facts, candidate, cached_tokens, default_output_tokens);
}

RequestPrices prices_at(PriceSheet const& sheet, std::int64_t input_tokens) {
    RequestPrices prices{.input = sheet.input, .output = sheet.output};
    std::int64_t above = -1;
    for (auto const& tier : sheet.tiers) {
        if (tier.above >= input_tokens || tier.above <= above) continue;
        above = tier.above;
        prices = {.input = tier.input, .output = tier.output};
    }
    return prices;
}

}  // namespace sluice

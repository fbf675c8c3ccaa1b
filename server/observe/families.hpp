#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sluice::observe {

/// The metric families that requests feed. One row each in families.cpp; gauges and facts of the process are made when
/// the page is (page.cpp).
enum class FamilyId : std::uint8_t {
    none,  ///< no family has the number 0, so that a packed series key is never 0
    token_usage,
    client_duration,
    client_first_chunk,
    server_duration,
    server_first_token,
    server_per_token,
    overhead,
    requests,
    attempts,
    retries,
    fallbacks,
    cost,
    key_requests,
    key_tokens,
    key_cost,
    disconnects,
    truncated,
    client_retries,
    usage_estimated,
    adjustments,
    continuations,
    hedges,
    mirrors,
    count_,
};

enum class FamilyKind : std::uint8_t { counter, histogram };

/// Every value is an integer inside: tokens, nanoseconds, nano-dollars. `per_unit` of them make one exposed unit.
struct Family {
    FamilyId id;
    std::string_view name;
    std::string_view help;
    FamilyKind kind;
    double per_unit;
    std::span<std::int64_t const> edges;     ///< upper bounds, inclusive, rising; empty for a counter
    std::array<std::string_view, 4> labels;  ///< in the order of the series key; the rest empty

    /// Numbers that one series keeps: a counter's value, or every bucket (the last is +Inf) and the sum.
    std::size_t cells() const { return kind == FamilyKind::counter ? 1 : edges.size() + 2; }
    /// Prometheus series that one label set costs.
    std::size_t weight() const { return kind == FamilyKind::counter ? 1 : edges.size() + 3; }
};

Family const& family(FamilyId id);
std::span<Family const> all_families();

}  // namespace sluice::observe

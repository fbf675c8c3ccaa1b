#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/types/clock.hpp"

namespace sluice {

/// What the planner knows of one target of a model.
struct Candidate {
    bool breaker_allows = true;
    Instant next_probe = never;  ///< when an open breaker lets one through
    bool credential_free = true;
    Instant credential_free_at = never;
    bool has_room = true;  ///< below its provider's limit on requests in flight
};

struct PlannedTarget {
    std::size_t index = 0;  ///< into the candidates
    std::string_view reason;
    friend bool operator==(PlannedTarget const&, PlannedTarget const&) = default;
};

struct ExcludedTarget {
    std::size_t index = 0;
    std::string_view reason;
    Instant free_at = never;  ///< when it may be worth another look
    friend bool operator==(ExcludedTarget const&, ExcludedTarget const&) = default;
};

/// The ordered attempts for one request, and what was left out, each with its reason. A pure value.
struct Plan {
    std::vector<PlannedTarget> targets;
    std::vector<ExcludedTarget> excluded;

    /// When the first excluded target may be worth another look; `never` when nothing is known.
    Instant next_chance() const;
};

/// Filters, then orders. `fallback`, so far the only policy, keeps the order of the configuration.
Plan plan(std::string_view policy, std::span<Candidate const> candidates);

/// What `star` stands for when `pattern` (with at most one '*') matches `name`; false: it does not match.
bool matches(std::string_view pattern, std::string_view name, std::string_view& star);

}  // namespace sluice

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/policy/lottery.hpp"
#include "core/policy/ordering.hpp"
#include "core/policy/planner.hpp"

namespace sluice {

/// A target in its place, before the plan is final.
struct Ranked {
    std::size_t target = 0;  ///< among the candidates
    std::string_view reason{};
    std::int64_t score = 0;
    /// Rises along the order: which model, then which priority of its root, then the priorities further down. Neither
    /// a client's `sort` nor a warm cache moves a target in front of one with a lower level.
    std::uint64_t level = 0;
};

/// Flattens the route trees of one model.
struct RouteWalk {
    PlanFacts const& facts;
    std::span<Candidate const> candidates;
    std::span<char const> usable;  ///< by candidate
    RoutedModel const& model;
    Lottery& lottery;
    bool keep_written_order = false;  ///< whatever the policies say: something else sorts afterwards

    /// The usable targets of the model in the order of its root. One that several routes lead to occurs several times.
    std::vector<Ranked> order() const;

private:
    std::vector<Ranked> as_written() const;
    std::vector<Ranked> order_of(std::size_t route, std::size_t depth) const;
    void add_member(RouteMember const& member, std::size_t place, std::size_t depth, std::vector<Ranked>& parts,
                    std::vector<Choice>& choices) const;
};

}  // namespace sluice

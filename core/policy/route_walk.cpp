#include "core/policy/route_walk.hpp"

#include <algorithm>
#include <optional>

namespace sluice {
namespace {

constexpr std::uint64_t root_step = 1'000;  ///< of `level`, above all that lies below one member

/// The lowest priority above `last`.
std::optional<unsigned> next_priority(RouteSettings const& route, std::optional<unsigned> last) {
    std::optional<unsigned> next;
    for (auto const& member : route.members) {
        if (last && member.priority <= *last) continue;
        if (!next || member.priority < *next) next = member.priority;
    }
    return next;
}

}  // namespace

std::vector<Ranked> RouteWalk::order() const { return model.routes.empty() ? as_written() : order_of(0, 0); }

std::vector<Ranked> RouteWalk::as_written() const {
    std::vector<Ranked> ranked;
    ranked.reserve(model.candidate_count);
    for (std::size_t i = 0; i < model.candidate_count; ++i) {
        auto const target = model.first_candidate + i;
        if (usable[target] == 0) continue;
        bool const probe = candidates[target].breaker == BreakerState::half_open;
        ranked.push_back({.target = target,
                          .reason = probe    ? "fallback: probe"
                                    : i == 0 ? "fallback: first"
                                             : "fallback: next in order",
                          .score = static_cast<std::int64_t>(i)});
    }
    return ranked;
}

/// Adds the member's targets to `parts`, and the member itself to `choices` if it has one.
void RouteWalk::add_member(RouteMember const& member, std::size_t place, std::size_t depth, std::vector<Ranked>& parts,
                           std::vector<Choice>& choices) const {
    auto const begin = parts.size();
    if (member.is_route) {
        // A ring of routes is an error of the configuration; here it only ends.
        if (member.index >= model.routes.size() || depth + 1 >= model.routes.size()) return;
        auto const inner = order_of(member.index, depth + 1);
        parts.insert(parts.end(), inner.begin(), inner.end());
    } else if (auto const target = model.first_candidate + member.index;
               member.index < model.candidate_count && usable[target] != 0) {
        parts.push_back({.target = target});
    }
    if (parts.size() == begin) return;
    choices.push_back({.candidate = &candidates[parts[begin].target],
                       .member = place,
                       .weight = member.weight,
                       .first_part = begin,
                       .part_count = parts.size() - begin});
}

std::vector<Ranked> RouteWalk::order_of(std::size_t position, std::size_t depth) const {
    static RouteSettings const written_order;
    auto const& route = model.routes[position];
    auto const& policy = keep_written_order ? written_order : route;
    std::vector<Ranked> ordered;
    std::vector<Ranked> parts;
    std::vector<Choice> choices;
    ordered.reserve(route.members.size());
    parts.reserve(route.members.size());
    choices.reserve(route.members.size());
    std::uint64_t rank = 0;
    for (auto priority = next_priority(route, std::nullopt); priority; priority = next_priority(route, priority)) {
        parts.clear();
        choices.clear();
        for (std::size_t i = 0; i < route.members.size(); ++i) {
            if (route.members[i].priority == *priority) add_member(route.members[i], i, depth, parts, choices);
        }
        order_choices(policy, facts, choices, lottery);
        for (auto const& choice : choices) {
            for (std::size_t i = 0; i < choice.part_count; ++i) {
                auto part = parts[choice.first_part + i];
                // What a nested route says of its first target tells more than "first" or "next in order".
                bool const named_inside = !part.reason.empty() && policy.policy == RoutePolicy::fallback;
                if (i == 0 && !named_inside) {
                    part.reason = choice.reason;
                    part.score = choice.score;
                }
                auto const inner = part.level + choice.setback;
                part.level = depth > 0 ? rank + inner : rank * root_step + std::min(inner, root_step - 1);
                ordered.push_back(part);
            }
        }
        ++rank;
    }
    return ordered;
}

}  // namespace sluice

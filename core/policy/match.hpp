#pragma once

#include <chrono>
#include <functional>
#include <span>
#include <string_view>

#include "core/types/caller.hpp"
#include "core/types/match_rule.hpp"
#include "core/types/routing.hpp"

namespace sluice {

struct MatchInput {
    RequestFacts const& facts;
    Caller const& caller;
    std::function<std::string_view(std::string_view name)> const& header;  ///< a client's header; empty: none
    std::chrono::sys_seconds time;
    unsigned lot = 0;  ///< 0 to 99, the same for all requests of a session
};

/// The first of `rules` that fits; null: none does.
MatchRule const* first_match(std::span<MatchRule const> rules, MatchInput const& input);

}  // namespace sluice

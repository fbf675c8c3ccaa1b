#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "server/observe/page.hpp"

namespace sluice::observe {

/// How the ledger is doing.
struct LedgerFacts {
    bool works = true;           ///< the store took what it was last given
    std::uint64_t waiting = 0;   ///< lines that are not written yet
    std::uint64_t written = 0;   ///< since the start
    std::uint64_t failures = 0;  ///< writes that the store refused
    std::uint64_t missing = 0;   ///< calls that were served without a line
    /// How limits are shared with other replicas: "starting", "shared", "closed" (nobody gets anything of them) or
    /// "alone". Absent: they are not.
    std::optional<std::string_view> sharing{};
};

/// The page's families about limits and budgets. End users are left out: clients name them.
void add_limits(std::vector<PageFamily>& out, std::vector<LimitStatus> const& limits);

void add_ledger(std::vector<PageFamily>& out, LedgerFacts const& ledger);

}  // namespace sluice::observe

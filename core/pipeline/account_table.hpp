#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/pipeline/limit_account.hpp"
#include "core/policy/model_index.hpp"
#include "core/types/limits.hpp"

namespace sluice {

/// Who has an account, and by which rule. Thread: its owner's lock.
class AccountTable {
public:
    using Account = std::shared_ptr<LimitAccount>;
    struct Bounds {
        std::size_t most_covered = 0;  ///< accounts by patterns, for each kind of payer
        std::size_t longest_name = 0;
    };
    explicit AccountTable(Bounds bounds) : bounds_(bounds) {}

    /// See LimitBook::configure().
    void configure(std::vector<LimitRule> rules);
    /// See LimitBook::find(). Also forgets a few idle accounts, so that they never fill the table for long.
    Account find(Payer const& payer, WallTime now);
    /// In no order.
    std::vector<Account> all() const;
    /// Nothing is to be restored in any limit that is there now, nor in those that come later by the same rules.
    void complete();

private:
    using Covered = std::map<std::string, Account, std::less<>>;  // not hashed: clients choose these names
    /// Payers of one kind.
    struct Kind {
        std::vector<LimitRule> rules{};  ///< of different names
        ModelIndex index{std::vector<std::string>()};
        std::unordered_map<std::string, Account> named{};  ///< by rules with just their name
        Covered covered{};                                 ///< by patterns
        Covered::iterator hand = covered.end();            ///< where forgetting goes on
        std::vector<Account> orphans{};                    ///< no rule names them, but somebody holds them
    };
    void merge_rules(std::vector<LimitRule> rules);
    void place(Kind& kind, Account account);
    Account find_covered(Kind& kind, Payer const& payer, WallTime now);
    /// The account of those for whom there is no room.
    Account find_shared(Kind& kind, Payer const& payer);
    void forget_idle(Kind& kind, std::size_t looks, WallTime now);
    /// A rule must name it.
    Account add(Kind& kind, Payer payer);

    Bounds bounds_;
    std::array<Kind, static_cast<std::size_t>(PayerKind::count_)> kinds_{};
    bool complete_ = false;
};

}  // namespace sluice

#include "core/pipeline/account_table.hpp"

#include <algorithm>
#include <utility>

namespace sluice {
namespace {

constexpr std::string_view others = "other";

// For each new account so many are looked at: more than one, so that forgetting is faster than what comes.
constexpr std::size_t usual_looks = 4;
constexpr std::size_t looks_when_full = 16;

}  // namespace

void AccountTable::merge_rules(std::vector<LimitRule> rules) {
    for (auto& kind : kinds_) kind.rules.clear();
    std::map<std::pair<PayerKind, std::string>, std::size_t> places;
    for (auto& rule : rules) {
        auto& merged = kinds_[static_cast<std::size_t>(rule.kind)].rules;
        auto const [place, is_new] = places.try_emplace({rule.kind, rule.name}, merged.size());
        if (is_new) {
            merged.push_back(std::move(rule));
        } else {
            auto& limits = merged[place->second].limits;
            limits.insert(limits.end(), rule.limits.begin(), rule.limits.end());
        }
    }
    for (auto& kind : kinds_) {
        std::vector<std::string> names;
        names.reserve(kind.rules.size());
        for (auto const& rule : kind.rules) names.push_back(rule.name);
        kind.index = ModelIndex(std::move(names));
    }
}

void AccountTable::configure(std::vector<LimitRule> rules) {
    auto const before = all();
    complete_ = false;
    merge_rules(std::move(rules));
    for (auto& kind : kinds_) {
        kind.named.clear();
        kind.covered.clear();
        kind.hand = kind.covered.end();
        kind.orphans.clear();
    }
    for (auto const& account : before) place(kinds_[static_cast<std::size_t>(account->payer.kind)], account);
    for (auto& kind : kinds_) {
        for (auto const& rule : kind.rules) {
            bool const has_account = rule.name.contains('*') || kind.named.contains(rule.name);
            if (!has_account) add(kind, {rule.kind, rule.name});
        }
    }
}

void AccountTable::place(Kind& kind, Account account) {
    auto const found = kind.index.find(account->payer.name);
    account->follow(found ? kind.rules[found->position].limits : std::vector<Limit>(), complete_);
    if (!found) {
        bool const is_held = account.use_count() > 2;  // by more than the caller and this function
        if (is_held) kind.orphans.push_back(std::move(account));
    } else if (kind.rules[found->position].name.contains('*')) {
        kind.covered.emplace(account->payer.name, account);
    } else {
        kind.named.emplace(account->payer.name, account);
    }
}

AccountTable::Account AccountTable::add(Kind& kind, Payer payer) {
    auto account = std::make_shared<LimitAccount>(std::move(payer));
    place(kind, account);
    return account;
}

AccountTable::Account AccountTable::find(Payer const& payer, WallTime now) {
    auto& kind = kinds_[static_cast<std::size_t>(payer.kind)];
    if (kind.rules.empty()) return nullptr;
    if (auto const named = kind.named.find(payer.name); named != kind.named.end()) return named->second;
    return find_covered(kind, payer, now);
}

AccountTable::Account AccountTable::find_covered(Kind& kind, Payer const& payer, WallTime now) {
    if (auto const covered = kind.covered.find(payer.name); covered != kind.covered.end()) return covered->second;
    auto const rule = kind.index.find(payer.name);
    if (!rule) return nullptr;
    forget_idle(kind, kind.covered.size() < bounds_.most_covered ? usual_looks : looks_when_full, now);
    bool const is_welcome = kind.covered.size() < bounds_.most_covered && payer.name.size() <= bounds_.longest_name;
    return is_welcome ? add(kind, payer)
                      : find_shared(kind, {payer.kind, fill_star(kind.rules[rule->position].name, others)});
}

AccountTable::Account AccountTable::find_shared(Kind& kind, Payer const& payer) {
    if (auto const named = kind.named.find(payer.name); named != kind.named.end()) return named->second;
    if (auto const covered = kind.covered.find(payer.name); covered != kind.covered.end()) return covered->second;
    return add(kind, payer);
}

void AccountTable::forget_idle(Kind& kind, std::size_t looks, WallTime now) {
    for (; looks > 0 && !kind.covered.empty(); --looks) {
        if (kind.hand == kind.covered.end()) kind.hand = kind.covered.begin();
        auto const& account = kind.hand->second;
        bool const is_held = account.use_count() > 1;  // only the table can make it one more
        if (is_held || !account->idle(now)) {
            ++kind.hand;
        } else {
            kind.hand = kind.covered.erase(kind.hand);
        }
    }
}

std::vector<AccountTable::Account> AccountTable::all() const {
    std::vector<Account> accounts;
    for (auto const& kind : kinds_) {
        for (auto const& [name, account] : kind.named) accounts.push_back(account);
        for (auto const& [name, account] : kind.covered) accounts.push_back(account);
        accounts.insert(accounts.end(), kind.orphans.begin(), kind.orphans.end());
    }
    return accounts;
}

void AccountTable::complete() {
    complete_ = true;
    for (auto const& account : all()) {
        for (auto& entry : account->entries) entry.complete = true;
    }
}

}  // namespace sluice

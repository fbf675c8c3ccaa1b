#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "server/store/ledger_store.hpp"

/// What usage is summed by: the words for it, and what they mean in both databases.
namespace sluice::store {

inline constexpr std::array<std::pair<std::string_view, UsageQuery::By>, 8> usage_words{
    {{"key", UsageQuery::By::key},
     {"team", UsageQuery::By::team},
     {"model", UsageQuery::By::model},
     {"provider", UsageQuery::By::provider},
     {"target", UsageQuery::By::target},
     {"tag", UsageQuery::By::tag},
     {"user", UsageQuery::By::user},
     {"day", UsageQuery::By::day}}};

constexpr std::optional<UsageQuery::By> read_usage_word(std::string_view word) {
    for (auto const& [text, by] : usage_words) {
        if (text == word) return by;
    }
    return std::nullopt;
}

constexpr std::string_view to_text(UsageQuery::By by) {
    return std::ranges::find(usage_words, by, &std::pair<std::string_view, UsageQuery::By>::second)->first;
}

/// SQL that names a row, of a call `c`. Empty where each database has its own way: tag, user and day.
constexpr std::string_view usage_column(UsageQuery::By by) {
    switch (by) {
        case UsageQuery::By::key:
            return "c.key";
        case UsageQuery::By::team:
            return "c.team";
        case UsageQuery::By::model:
            return "c.model";
        case UsageQuery::By::provider:
            return "c.provider";
        case UsageQuery::By::target:
            return "c.provider || '/' || c.target_model";
        default:
            return {};
    }
}

/// The payers under whom what is forgotten counts for rows of this sort. Every call has exactly one target.
constexpr PayerKind usage_payer(UsageQuery::By by) {
    switch (by) {
        case UsageQuery::By::key:
            return PayerKind::key;
        case UsageQuery::By::team:
            return PayerKind::team;
        case UsageQuery::By::model:
            return PayerKind::model;
        case UsageQuery::By::provider:
            return PayerKind::provider;
        case UsageQuery::By::tag:
            return PayerKind::tag;
        case UsageQuery::By::user:
            return PayerKind::user;
        default:
            return PayerKind::target;
    }
}

}  // namespace sluice::store

#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "server/cli/store_address.hpp"

namespace sluice::cli {

enum class UsageFormat : std::uint8_t { table, csv, json };

struct UsageOptions {
    StoreAddress address{};
    std::string by = "key";
    std::string since = "7d";
    std::string until{};  ///< empty: now
    std::map<store::UsageQuery::By, std::string> only{};
    UsageFormat format = UsageFormat::table;
};

/// `sluice usage`: what was used, from the ledger. Exit codes: 0, 1 (the ledger can't be read), 2 (wrong usage), 69 (no
/// such database), 78 (the configuration is wrong, or names none).
int run_usage(UsageOptions const& options);

}  // namespace sluice::cli

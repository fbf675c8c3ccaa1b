#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/store/ledger_store.hpp"

namespace sluice::cli {

/// Usage for people: a table with a line of sums.
std::string usage_table(std::string_view heading, std::span<store::UsageRow const> rows);
/// RFC 4180, with a header line; money in dollars with all its digits.
std::string usage_csv(std::string_view heading, std::span<store::UsageRow const> rows);
/// {"by":…,"rows":[…]}; money in dollars, as a string with all its digits, and in billionths of a dollar.
std::string usage_json(std::string_view heading, std::span<store::UsageRow const> rows);

}  // namespace sluice::cli

#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "server/store/ledger_store.hpp"

namespace sluice::cli {

/// By the id that the ledger knows a key by, the name that people gave it: of rows by key; those of keys that are gone
/// have none.
using KeyNames = std::map<std::string, std::string>;

/// Usage for people: a table with a line of sums.
std::string usage_table(std::string_view heading, std::span<store::UsageRow const> rows, KeyNames const& names);
/// RFC 4180, with a header line; money in dollars with all its digits. By key there is a last column, `key_name`.
std::string usage_csv(std::string_view heading, std::span<store::UsageRow const> rows, KeyNames const& names);
/// {"by":…,"rows":[…]}; money in dollars, as a string with all its digits, and in billionths of a dollar. As in the
/// admin API `name` is a key's id, and `key` its name.
std::string usage_json(std::string_view heading, std::span<store::UsageRow const> rows, KeyNames const& names);

}  // namespace sluice::cli

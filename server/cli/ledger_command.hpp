#pragma once

#include <string>

#include "server/cli/store_address.hpp"

namespace sluice::cli {

/// `sluice ledger verify`: whether every sum is what the lines add up to, and the lines fit together. Exit codes of all
/// four: 0, 1 (verify found a fault, or the ledger can't be read or written), 2 (wrong usage), 69 (no such database),
/// 78 (the configuration is wrong, or names none).
int run_ledger_verify(StoreAddress const& address, bool json);

struct LedgerExportOptions {
    StoreAddress address{};
    std::string since{};  ///< empty: from the beginning
    std::string until{};  ///< empty: now
};
/// `sluice ledger export`: each call with its lines as one JSON object, oldest first.
int run_ledger_export(LedgerExportOptions const& options);

struct LedgerAdjustOptions {
    StoreAddress address{};
    std::string call{};  ///< "EPOCH/NUMBER", as the export names it
    std::string usd{};   ///< may be negative
    std::string why{};
};
/// `sluice ledger adjust`: adds a line that corrects what a call cost.
int run_ledger_adjust(LedgerAdjustOptions const& options);

struct LedgerForgetOptions {
    StoreAddress address{};
    std::string before{};
};
/// `sluice ledger forget`: removes single calls; sums stay.
int run_ledger_forget(LedgerForgetOptions const& options);

}  // namespace sluice::cli

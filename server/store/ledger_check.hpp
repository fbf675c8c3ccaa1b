#pragma once

#include <cstdint>
#include <optional>

#include "server/store/ledger_store.hpp"
#include "server/store/ledger_writer.hpp"

namespace sluice::store {

/// Whether everything that upstreams answered stands in the ledger. Read the three in this order, for one process:
/// what comes later may have more. `answered`: calls that an upstream answered with a 2xx, as counted where clients are
/// served (metrics), since `told`'s writer began.
std::optional<LedgerFault> check_ledger(std::int64_t answered, LedgerCounts const& told, EpochCounts const& written);

}  // namespace sluice::store

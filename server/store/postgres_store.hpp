#pragma once

#include <memory>

#include "core/types/secret.hpp"
#include "server/store/open_store.hpp"
#include "server/store/shared_use.hpp"

namespace sluice::store {

/// Whether `url` begins with postgresql:// or postgres://.
bool names_postgres(std::string_view url);

/// Ledger and keys in PostgreSQL 14 or later, for any number of replicas, over three connections. For a gateway the
/// server may be away: calls fail in time until it can be reached, and the tables are made then. A command finds out at
/// once. Thread: any; reports never keep appends waiting.
/// Errors: ledger_unavailable, also without the client library.
Result<std::unique_ptr<Store>> open_postgres(std::string_view url, OpenedBy opener);

/// The same ledger for a LeaseBroker, over a connection of its own. Errors: ledger_unavailable; invalid_value for
/// another database, which has one process.
Result<std::unique_ptr<SharedUse>> open_shared_use(std::string_view url);

}  // namespace sluice::store

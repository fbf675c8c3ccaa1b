#pragma once

#include <memory>
#include <string>

#include "server/store/open_store.hpp"

namespace sluice::store {

/// Ledger and keys in one SQLite file. The file belongs to one process, its successor while one replaces the other, and
/// commands that look at it; all may write. Thread: any; who reads never waits for who writes.
/// Errors: ledger_unavailable, also for a file of a newer program.
Result<std::unique_ptr<Store>> open_sqlite(std::string const& path, OpenedBy opener);

}  // namespace sluice::store

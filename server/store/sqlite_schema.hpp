#pragma once

#include <cstdint>

#include "server/store/sqlite.hpp"

namespace sluice::store::sqlite {

/// Brings the tables of `database` to what this program needs: all steps that are missing, in one transaction.
/// Opening::existing changes nothing. Errors: ledger_unavailable; a file that a newer program has written is refused,
/// and an older one when nothing may be changed.
Result<> prepare_schema(Database& database, Opening how, WallTime now);

/// The version that this program reads and writes.
std::int64_t schema_version();

}  // namespace sluice::store::sqlite

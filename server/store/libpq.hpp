#pragma once

#include "core/types/result.hpp"

namespace sluice::store {

/// The functions of libpq that we call. The library is loaded when a PostgreSQL URL is configured, and only then
/// (docs/decisions/0012): a gateway without it links nothing of it.
struct Libpq;

/// Loads it once, for as long as the process runs. Errors: ledger_unavailable, with what to install. Thread: any.
Result<Libpq const*> load_libpq();

}  // namespace sluice::store

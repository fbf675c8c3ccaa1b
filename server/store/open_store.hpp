#pragma once

#include <memory>
#include <string_view>

#include "server/store/ledger_store.hpp"

namespace sluice::store {

/// Keys and ledger are in one database.
class Store : public LedgerStore, public KeyStore {};

/// gateway: what is missing, file or tables, is made. command: it must be there, in the version of this program.
enum class OpenedBy : std::uint8_t { gateway, command };

/// Opens "sqlite:///PATH", with an absolute path, or "postgresql://..." (postgres_store.hpp). Blocks. Errors:
/// invalid_value for another URL; ledger_unavailable, with the reason in `detail`, which holds no password.
Result<std::unique_ptr<Store>> open_store(std::string_view url, OpenedBy opener);

}  // namespace sluice::store

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/store/ledger_store.hpp"

namespace sluice::store {

/// An event as bytes for the spool: little-endian numbers of fixed size, texts with their length before them.
std::string to_bytes(LedgerEvent const& event);
/// Nothing for bytes that are no event.
std::optional<LedgerEvent> read_event(std::string_view bytes);

}  // namespace sluice::store

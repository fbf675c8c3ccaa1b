#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/store/ledger_store.hpp"

namespace sluice::store {

/// Adds an event to `bytes`: its length, then little-endian numbers of fixed size and texts with their length before
/// them.
void add_event(std::string& bytes, CallId id, LedgerReservation const& call);
void add_event(std::string& bytes, LedgerEvent const& event);

/// Takes the first event off `bytes`. Nothing where none begins there: then `bytes` stays. An event of a kind that is
/// not known, of a later version, is skipped.
std::optional<LedgerEvent> take_event(std::string_view& bytes);

}  // namespace sluice::store

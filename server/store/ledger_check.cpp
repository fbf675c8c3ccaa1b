#include "server/store/ledger_check.hpp"

#include <string>

namespace sluice::store {

std::optional<LedgerFault> check_ledger(std::int64_t answered, LedgerCounts const& told, EpochCounts const& written) {
    auto number = [](std::int64_t count) { return std::to_string(count); };
    if (answered > told.answered) {
        return LedgerFault{.what = number(answered) + " calls were answered by upstreams, and the ledger was told of " +
                                   number(told.answered)};
    }
    if (told.calls_written > written.calls) {
        return LedgerFault{.what = number(told.calls_written) + " calls were written, and the store has " +
                                   number(written.calls)};
    }
    if (told.settlements_written > written.settled) {
        return LedgerFault{.what = number(told.settlements_written) + " settlements were written, and the store has " +
                                   number(written.settled)};
    }
    if (told.answered_written > written.answered) {
        return LedgerFault{.what = number(told.answered_written) +
                                   " settlements of answered calls were written, and the store has " +
                                   number(written.answered)};
    }
    return std::nullopt;
}

}  // namespace sluice::store

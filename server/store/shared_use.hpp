#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/types/limits.hpp"
#include "core/types/result.hpp"

namespace sluice::store {

/// What a payer has used since then, asked of a ledger that several processes write.
struct UseQuestion {
    Payer payer{};
    WallTime since{};
};

/// A part of an answer: of one process.
struct ProcessUse {
    std::size_t question = 0;  ///< its place among those asked
    std::int64_t epoch = 0;
    bool gone = false;  ///< others have settled its open calls
    Amounts settled{};
    Amounts open{};  ///< reserved by calls under way: money, and requests; of tokens the ledger does not know
};

/// Lets the lease broker ask who used what. Implemented by PostgresLedger: SQLite has one process. Blocks.
class SharedUse {
public:
    virtual ~SharedUse() = default;
    /// The use of all processes, or of `epoch` alone. Errors: ledger_unavailable.
    virtual Result<std::vector<ProcessUse>> uses(std::span<UseQuestion const> questions,
                                                 std::optional<std::int64_t> epoch) = 0;
    /// Whether no process but `epoch` was seen for the last 10 seconds, by the ledger's clock. Errors:
    /// ledger_unavailable.
    virtual Result<bool> is_alone(std::int64_t epoch) = 0;
};

}  // namespace sluice::store

#pragma once

#include <span>
#include <vector>

#include "server/store/ledger_store.hpp"
#include "server/store/postgres_schema.hpp"
#include "server/store/shared_use.hpp"

namespace sluice::store {

/// The part of a PostgreSQL ledger that gateways write: see LedgerStore. Whether a process is alive goes by the
/// server's clock. Thread: any, one after the other.
class PostgresLedger {
public:
    PostgresLedger(std::unique_ptr<Postgres> database, OpenedBy opener) : tables_(std::move(database), opener) {}

    /// Durable when it returns (synchronous_commit).
    Result<> append(std::span<LedgerEvent const> events);
    /// Nobody is taken for gone before `mine` has been seen without a gap for `alive_within`: after an outage everybody
    /// gets the time to say that he is alive.
    Result<std::int64_t> recover(std::int64_t mine, WallTime now, std::chrono::milliseconds alive_within);
    Result<> heartbeat(std::int64_t epoch, WallTime now);
    Result<EpochCounts> counts(std::int64_t epoch);
    Result<std::vector<HourSum>> sums(WallTime since);
    Result<std::vector<HourSum>> held_by_others(std::int64_t mine, WallTime now);
    Result<std::vector<ProcessUse>> uses(std::span<UseQuestion const> questions, std::optional<std::int64_t> epoch);
    Result<bool> is_alone(std::int64_t epoch);

private:
    static Result<std::int64_t> recover_process(Postgres& database, std::int64_t epoch, WallTime now);

    PostgresTables tables_;
};

}  // namespace sluice::store

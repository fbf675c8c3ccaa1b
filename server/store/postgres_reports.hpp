#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/store/ledger_store.hpp"
#include "server/store/postgres_schema.hpp"

namespace sluice::store {

/// The part of a PostgreSQL ledger that people ask, correct and clear: see LedgerStore. May take minutes, on a
/// connection of its own. Thread: any, one after the other.
class PostgresReports {
public:
    PostgresReports(std::unique_ptr<Postgres> database, OpenedBy opener) : tables_(std::move(database), opener) {}

    /// Whether the tables can be reached, and are those of this program.
    Result<> check();
    Result<std::vector<UsageRow>> usage(UsageQuery const& query);
    Result<std::vector<LedgerFault>> verify();
    Result<> export_calls(WallTime since, WallTime until,
                          std::function<bool(std::string const& json_line)> const& take);
    Result<> adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now);
    /// One replica at a time: another one finds nothing to do.
    Result<std::int64_t> forget(WallTime before);

private:
    static Result<std::int64_t> forget_some(Postgres& database, WallTime before);

    PostgresTables tables_;
};

}  // namespace sluice::store

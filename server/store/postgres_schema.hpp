#pragma once

#include <memory>
#include <mutex>

#include "core/types/secret.hpp"
#include "server/store/open_store.hpp"
#include "server/store/postgres.hpp"

namespace sluice::store {

/// Brings the tables to what this program needs; of several replicas that start together one does it. A command changes
/// nothing. Errors: ledger_unavailable, also for tables that a newer program made.
Result<> prepare_schema(Postgres& database, OpenedBy opener);

/// A connection to our tables, for one caller at a time. The server may be away when it is made: the tables are
/// prepared when it is reached for the first time.
class PostgresTables {
public:
    PostgresTables(std::unique_ptr<Postgres> database, OpenedBy opener)
        : database_(std::move(database)), opener_(opener) {}

    /// The connection, nobody else's while `lock` is held.
    Result<Postgres*> use(std::unique_lock<std::mutex>& lock);

private:
    std::mutex mutex_{};
    std::unique_ptr<Postgres> database_;
    OpenedBy opener_;
    bool prepared_ = false;
};

}  // namespace sluice::store

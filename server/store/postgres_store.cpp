#include "server/store/postgres_store.hpp"

#include <string>
#include <utility>

#include "server/store/postgres_keys.hpp"
#include "server/store/postgres_ledger.hpp"
#include "server/store/postgres_reports.hpp"

namespace sluice::store {

namespace {

/// Three parts, each with its connection.
class PostgresStore final : public Store {
public:
    struct Connections {
        std::unique_ptr<Postgres> writing;
        std::unique_ptr<Postgres> asking;
        std::unique_ptr<Postgres> keys;
    };
    PostgresStore(Connections connections, OpenedBy opener)
        : ledger_(std::move(connections.writing), opener),
          reports_(std::move(connections.asking), opener),
          keys_(std::move(connections.keys), opener) {}

    Result<> check() { return reports_.check(); }

    Result<> append(std::span<LedgerEvent const> events) override { return ledger_.append(events); }
    Result<> sync() override { return {}; }  // commits are durable
    Result<std::int64_t> recover(std::int64_t mine, WallTime now, std::chrono::milliseconds alive_within) override {
        return ledger_.recover(mine, now, alive_within);
    }
    Result<> heartbeat(std::int64_t epoch, WallTime now) override { return ledger_.heartbeat(epoch, now); }
    Result<EpochCounts> counts(std::int64_t epoch) override { return ledger_.counts(epoch); }
    Result<std::vector<HourSum>> sums(WallTime since) override { return ledger_.sums(since); }
    Result<std::vector<HourSum>> held_by_others(std::int64_t mine, WallTime now) override {
        return ledger_.held_by_others(mine, now);
    }

    Result<std::vector<UsageRow>> usage(UsageQuery const& query) override { return reports_.usage(query); }
    Result<> adjust(CallId id, NanoUsd amount, std::string const& why, WallTime now) override {
        return reports_.adjust(id, amount, why, now);
    }
    Result<std::vector<LedgerFault>> verify() override { return reports_.verify(); }
    Result<std::int64_t> forget(WallTime before) override { return reports_.forget(before); }
    Result<> export_calls(WallTime since, WallTime until,
                          std::function<bool(std::string const& json_line)> const& take) override {
        return reports_.export_calls(since, until, take);
    }

    Result<std::int64_t> version() override { return keys_.version(); }
    Result<std::vector<StoredKey>> keys() override { return keys_.keys(); }
    Result<std::vector<StoredTeam>> teams() override { return keys_.teams(); }
    Result<> put(StoredKey const& key) override { return keys_.put_all({&key, 1}); }
    Result<> put_all(std::span<StoredKey const> keys) override { return keys_.put_all(keys); }
    Result<> put(StoredTeam const& team) override { return keys_.put(team); }
    Result<bool> remove_key(std::string const& id) override { return keys_.remove_key(id); }
    Result<bool> remove_team(std::string const& name) override { return keys_.remove_team(name); }

private:
    PostgresLedger ledger_;
    PostgresReports reports_;
    PostgresKeys keys_;
};

class PostgresUse final : public SharedUse {
public:
    explicit PostgresUse(std::unique_ptr<Postgres> database) : ledger_(std::move(database), OpenedBy::gateway) {}
    Result<std::vector<ProcessUse>> uses(std::span<UseQuestion const> questions,
                                         std::optional<std::int64_t> epoch) override {
        return ledger_.uses(questions, epoch);
    }
    Result<bool> is_alone(std::int64_t epoch) override { return ledger_.is_alone(epoch); }

private:
    PostgresLedger ledger_;
};

}  // namespace

bool names_postgres(std::string_view url) { return url.starts_with("postgresql://") || url.starts_with("postgres://"); }

Result<std::unique_ptr<Store>> open_postgres(std::string_view url, OpenedBy opener) {
    Secret const secret{std::string(url)};
    PostgresStore::Connections connections;
    for (auto* const connection : {&connections.writing, &connections.asking, &connections.keys}) {
        SLUICE_TRY(*connection, Postgres::make(secret));
    }
    auto store = std::make_unique<PostgresStore>(std::move(connections), opener);
    if (opener == OpenedBy::command) SLUICE_CHECK(store->check());
    return store;
}

Result<std::unique_ptr<SharedUse>> open_shared_use(std::string_view url) {
    if (!names_postgres(url)) {
        constexpr char const* why = "replicas share limits only with a ledger in PostgreSQL";
        return std::unexpected(Error{.kind = ErrorKind::invalid_value, .message = why, .detail = why});
    }
    SLUICE_TRY(auto database, Postgres::make(Secret{std::string(url)}));
    return std::make_unique<PostgresUse>(std::move(database));
}

}  // namespace sluice::store

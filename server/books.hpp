#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "config/environment.hpp"
#include "core/pipeline/accounting.hpp"
#include "core/pipeline/limit_book.hpp"
#include "core/types/settings.hpp"
#include "server/observe/limit_families.hpp"
#include "server/observe/log.hpp"
#include "server/predecessor_calls.hpp"
#include "server/store/lease_broker.hpp"
#include "server/store/ledger_writer.hpp"
#include "server/store/open_store.hpp"

namespace sluice {

/// What the process counts by and writes down: everybody's limits, and the ledger with its store. A thread of its own
/// does what takes time: it tells of limits that come near their end, forgets old calls, and looks whether everything
/// that was served stands in the ledger. Thread: the main one, but where it says otherwise.
class Books {
public:
    explicit Books(observe::Log& log) : log_(log) {}
    Books(Books const&) = delete;
    Books& operator=(Books const&) = delete;
    ~Books() { stop_keeping(); }

    /// Opens the store that `settings` ask for, and settles what earlier processes have left open; adopt() comes next.
    /// `served`: how many calls upstreams have answered with a 2xx so far, by the metrics; any thread. Blocks.
    Result<> open(Settings const& settings, config::Environment const& environment,
                  std::function<std::int64_t()> served);

    /// Replaces all limits; what is new among them counts what was used before. Blocks for as long as the store needs.
    void adopt(Settings const& settings, std::vector<LimitRule> rules);

    /// No request is under way any more: writes what is left. Errors: ledger_unavailable.
    Result<> close(Instant deadline);

    /// The ledger is each worker's own: a desk of ledger().
    Accounting accounting() { return {.limits = &limits_, .sharing = broker_.get()}; }
    /// Null: there is none.
    store::LedgerWriter* ledger() { return writer_.get(); }
    LimitBook& limits() { return limits_; }
    static WallTime now() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }
    /// Null: there is none. Thread: any; its calls block.
    store::Store* store() { return store_.get(); }
    /// Thread: any.
    observe::LedgerFacts facts() const;

private:
    std::optional<std::string_view> sharing() const;
    Result<> share_limits(StorageSettings const& storage);
    Result<std::vector<store::HourSum>> used_before(WallTime since, WallTime moment);
    void keep();
    void follow();
    void stop_keeping();
    void warn();
    void send(std::string const& url, LimitWarning const& warning);
    void check();
    void forget_old_calls();

    observe::Log& log_;
    LimitBook limits_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<store::LedgerWriter> writer_;
    std::unique_ptr<store::SharedUse> shared_use_;  ///< for the broker
    std::unique_ptr<store::LeaseBroker> broker_;    ///< null: nobody shares our limits
    std::unique_ptr<PredecessorCalls>
        predecessor_;  ///< null: others on our ledger share limits with us, or there is none
    std::function<std::int64_t()> served_;

    std::mutex mutex_;  ///< guards what follows
    std::condition_variable bell_;
    bool ends_ = false;
    std::string webhook_;
    std::chrono::hours keep_calls_{};
    std::thread keeper_;
    std::thread follower_;
    std::atomic<std::uint64_t> missing_ = 0;  ///< calls that were served without a line
};

}  // namespace sluice

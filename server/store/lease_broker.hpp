#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/pipeline/limit_book.hpp"
#include "core/pipeline/limit_sharing.hpp"
#include "core/types/secret.hpp"
#include "server/store/lease_accountant.hpp"
#include "server/store/shared_limits.hpp"
#include "server/store/shared_use.hpp"

namespace sluice::store {

/// What a broker does while Redis is away for longer than its leases last.
enum class WithoutRedis : std::uint8_t {
    refuse,  ///< nobody gets anything of a limit
    alone,   ///< this replica goes by its own count: all of them together may use several times what a limit allows
};

/// How limits are shared now, for metrics.
enum class LeaseState : std::uint8_t {
    starting,
    shared,
    closed,  ///< WithoutRedis::refuse
    alone,
};

/// Shares a LimitBook's limits with other replicas: borrows slices of them from Redis, ahead of need where it can,
/// extends them for as long as Redis answers, and returns what is idle or what others lack. Two threads: one renews and
/// never waits for longer than RedisClient does; one asks the ledger, when a limit is counted for the first time, when
/// Redis has lost its data, and when a replica has died. Thread: any.
class LeaseBroker final : public LimitSharing {
public:
    struct Options {
        std::int64_t epoch = 0;  ///< this process's, as the ledger has it
        WithoutRedis without_redis = WithoutRedis::refuse;
        std::function<WallTime()> now{};
        /// Told what an operator should know, from the broker's threads: a code for the log, and a sentence.
        std::function<void(std::string_view code, std::string const& message)> tell{};
    };

    /// `redis_url` was read before: see check_redis_url(). `book` and `ledger` must outlive it. `book` uses leases from
    /// now on.
    LeaseBroker(LimitBook& book, SharedUse& ledger, Secret const& redis_url, Options options);
    /// Returns what is left, if Redis answers.
    ~LeaseBroker() override;
    LeaseBroker(LeaseBroker const&) = delete;
    LeaseBroker& operator=(LeaseBroker const&) = delete;

    Task<Result<bool>> more(Clock& clock, Cancellation& cancellation, Instant until) override;
    /// The next round comes at once.
    void hurry();
    LeaseState state() const { return state_.load(std::memory_order_relaxed); }

private:
    /// A limit that something is granted of, in one window.
    struct Held {
        SharedLimit limit{};
        Limit rule{};
        WallTime window_began{};
        std::int64_t granted = 0;
        std::int64_t settled = 0;
        std::int64_t reserved = 0;
        std::int64_t used_before = 0;  ///< a round ago
        std::int64_t wanted = 0;
        std::int64_t least_wanted = 0;  ///< the smallest that somebody waits for; 0: nobody does
        std::int64_t told_settled = 0;  ///< others know so much of what is settled
        Instant last_active{};          ///< when it was used or wanted
        bool is_new = true;             ///< Redis has never been told of it in this window
        bool unknown = true;            ///< Redis has not been told of it since it was used
        Instant extended{};             ///< until then it holds here

        std::int64_t used() const { return settled + reserved; }
        void want(LimitBook::Lease const& lease);
    };
    using Table = std::map<std::string, Held, std::less<>>;

    void renew();
    bool wait_for_round();
    void round();
    Instant patience(Instant asked) const;
    void read_book();
    void follow_windows();
    void plan_steps(SharedLimits::Names const& short_of);
    void plan(std::string const& name, Held& held, SharedLimits::Way way);
    void plan_step(std::string const& name, Held& held, bool is_short);
    void keep_only_used(Held& held);
    void take_steps();
    void apply(Held& held, SharedLimits::Step const& step, SharedLimits::Granted const& granted);
    void extend();
    void answered(SharedLimits::Beat const& beat, Instant asked);
    void failed(Error const& error);
    void void_leases();
    void drop_all();
    void leave();
    void set_state(LeaseState state, std::string_view code, std::string const& message);
    std::optional<LimitBook::Lease> grant(Held& held, std::int64_t amount, WallTime until);
    void wake();

    LimitBook& book_;
    Options options_;
    SharedLimits shared_;
    LeaseAccountant accountant_;
    Table held_{};  // the renewing thread's, and what follows
    std::vector<std::pair<std::string, SharedLimits::Step>> steps_{};
    Instant confirmed_until_{};
    WallTime valid_until_{};
    bool is_void_ = true;
    bool lost_ = false;

    std::atomic<LeaseState> state_ = LeaseState::starting;
    std::mutex mutex_{};
    std::condition_variable wake_{};
    bool hurry_ = false;  // guarded by mutex_, and what follows
    bool ending_ = false;
    std::vector<std::shared_ptr<Gate>> waiting_{};  ///< for a round that has not begun
    std::vector<std::shared_ptr<Gate>> served_{};   ///< by the round that runs
    std::thread thread_{};
};

/// Nothing: a broker can be made of it. Otherwise what is wrong, without the URL.
std::optional<std::string> check_redis_url(Secret const& url);

}  // namespace sluice::store

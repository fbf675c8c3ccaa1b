#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/store/shared_limits.hpp"
#include "server/store/shared_use.hpp"

namespace sluice::store {

/// Brings the shared limits to what the ledger says, on a thread of its own, for either may be slow: limits that nobody
/// has counted, all of them after Redis has lost its data, and those of a process that has died. Thread: any.
class LeaseAccountant {
public:
    struct Options {
        std::function<WallTime()> now{};
        std::function<void(std::string_view code, std::string const& message)> tell{};
        std::function<void()> done{};  ///< something may be had now that was not there
    };

    LeaseAccountant(SharedLimits shared, SharedUse& ledger, std::int64_t epoch, Options options);
    ~LeaseAccountant();
    LeaseAccountant(LeaseAccountant const&) = delete;
    LeaseAccountant& operator=(LeaseAccountant const&) = delete;

    /// Counts `limit` in `generation`.
    void count(std::string const& generation, SharedLimit const& limit);
    /// Redis knows nothing any more.
    void lost();
    /// These have not been heard of for longer than their leases last.
    void dead(std::string const& generation, std::vector<std::int64_t> const& epochs);
    /// Its thread ends; calls are ignored from then on.
    void stop();

private:
    void work();
    bool wait(std::unique_lock<std::mutex>& lock, Instant until);
    bool found_generation();
    bool catch_up(std::string const& generation, std::set<std::string> const& uncounted,
                  std::set<std::int64_t> const& dead);
    Result<> count_limits(std::vector<SharedLimit> const& limits);
    SharedLimits::Beginning beginning_of(SharedLimit const& limit, std::span<ProcessUse const> uses, std::size_t place,
                                         WallTime now) const;
    bool take_over(std::int64_t epoch);
    Result<bool> shrink_shares(std::int64_t epoch);
    void tell(std::string_view code, std::string const& message) const;

    SharedLimits shared_;
    SharedUse& ledger_;
    std::int64_t const epoch_;
    Options options_;

    std::mutex mutex_{};
    std::condition_variable wake_{};
    std::string generation_{};  // guarded by mutex_, and what follows
    std::set<std::string> uncounted_{};
    std::set<std::int64_t> dead_{};
    bool lost_ = false;
    bool ending_ = false;
    bool is_failing_ = false;  // the thread's
    std::thread thread_{};
};

}  // namespace sluice::store

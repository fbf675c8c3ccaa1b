#pragma once

#include <catch2/catch.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/pipeline/cancellation.hpp"
#include "server/net/worker.hpp"
#include "server/store/ledger_desk.hpp"
#include "server/store/ledger_store.hpp"
#include "server/store/ledger_writer.hpp"

/// What the writer meets: a worker with a desk, and a store that can fail.
namespace sluice::store::testing {

/// Keeps events in memory, and loses on command what was not synced.
class FakeStore final : public LedgerStore {
public:
    std::mutex mutex;
    std::vector<LedgerEvent> events;  ///< each once
    std::size_t synced = 0;           ///< the first so many are
    int appends = 0;
    int reopened = 0;
    int recoveries = 0;
    std::set<std::int64_t> ended;  ///< processes of which it was told that they are gone
    bool append_fails = false;
    bool sync_fails = false;  ///< and whatever was not synced is lost when it is opened anew
    std::condition_variable released;
    bool blocked = false;

    Result<> append(std::span<LedgerEvent const> more) override {
        std::unique_lock lock(mutex);
        released.wait(lock, [this] { return !blocked; });
        ++appends;
        if (append_fails || broken_) return failed("disk full");
        for (auto const& event : more) {
            if (known_.insert(key_of(event)).second) events.push_back(event);
        }
        return {};
    }
    Result<> sync() override {
        std::lock_guard const lock(mutex);
        if (sync_fails || broken_) {
            broken_ = true;
            return failed("fsync failed");
        }
        synced = events.size();
        return {};
    }
    Result<> reopen() override {
        std::lock_guard const lock(mutex);
        if (!broken_) return {};
        ++reopened;
        if (sync_fails) return failed("fsync failed");
        broken_ = false;
        events.resize(synced);
        known_.clear();
        for (auto const& event : events) known_.insert(key_of(event));
        return {};
    }
    Result<std::int64_t> recover(std::int64_t, WallTime, milliseconds) override {
        std::lock_guard const lock(mutex);
        ++recoveries;
        return 0;
    }
    Result<> heartbeat(std::int64_t epoch, WallTime now) override {
        std::lock_guard const lock(mutex);
        if (now == WallTime{}) ended.insert(epoch);
        if (append_fails || broken_) return failed("disk full");
        return {};
    }
    Result<EpochCounts> counts(std::int64_t) override { return EpochCounts{}; }
    Result<std::vector<HourSum>> sums(WallTime) override { return std::vector<HourSum>{}; }
    Result<std::vector<UsageRow>> usage(UsageQuery const&) override { return std::vector<UsageRow>{}; }
    Result<> adjust(CallId, NanoUsd, std::string const&, WallTime) override { return {}; }
    Result<std::vector<LedgerFault>> verify() override { return std::vector<LedgerFault>{}; }
    Result<std::int64_t> forget(WallTime) override { return 0; }
    Result<> export_calls(WallTime, WallTime, std::function<bool(std::string const&)> const&) override { return {}; }

    void fail(bool appending, bool syncing) {
        std::lock_guard const lock(mutex);
        append_fails = appending;
        sync_fails = syncing;
    }
    void block(bool on) {
        {
            std::lock_guard const lock(mutex);
            blocked = on;
        }
        released.notify_all();
    }
    template <class Event>
    std::vector<Event> all() {
        std::lock_guard const lock(mutex);
        std::vector<Event> found;
        for (auto const& each : events) {
            if (auto const* const event = std::get_if<Event>(&each)) found.push_back(*event);
        }
        return found;
    }
    std::size_t how_many_synced() {
        std::lock_guard const lock(mutex);
        return synced;
    }

private:
    static Result<> failed(char const* why) {
        return std::unexpected(Error{.kind = ErrorKind::ledger_unavailable, .detail = why});
    }
    static std::pair<std::size_t, CallId> key_of(LedgerEvent const& event) {
        return {event.index(), std::visit([](auto const& each) { return each.id; }, event)};
    }

    std::set<std::pair<std::size_t, CallId>> known_;
    bool broken_ = false;
};

/// Waits for what another thread is about to bring about.
template <class Condition>
bool eventually(Condition condition, milliseconds most = milliseconds(5'000)) {
    std::mutex mutex;
    std::condition_variable never_rung;
    std::unique_lock lock(mutex);
    auto const until = std::chrono::steady_clock::now() + most;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= until) return false;
        never_rung.wait_for(lock, milliseconds(1));
    }
    return true;
}

/// A worker that turns when it is asked to, and its desk.
class Desk {
public:
    explicit Desk(LedgerWriter& writer) : worker_(0), desk_(std::in_place, writer, worker_) {}
    Desk(Desk const&) = delete;
    Desk& operator=(Desk const&) = delete;
    ~Desk() { close(); }

    Result<std::unique_ptr<LedgerCall>> reserve(ReservedCall const& call) { return desk_->reserve(view_of(call)); }
    Result<> recorded(LedgerCall& call) { return run(call.recorded(nobody)); }
    Result<> durable(LedgerCall& call) { return run(call.durable(nobody)); }
    /// What was said is written.
    void turn() { worker_.poll(); }
    /// Nobody will say anything any more.
    void close() {
        worker_.end();
        desk_.reset();
    }

    Cancellation nobody;

private:
    Result<> run(Task<Result<>> task) {
        std::optional<Result<>> result;
        auto keep = [](Task<Result<>> each, std::optional<Result<>>& into) -> Task<> {
            into.emplace(co_await std::move(each));
        };
        spawn(keep(std::move(task), result), [](std::exception_ptr const&) {});
        while (!result) worker_.poll();
        return *std::move(result);
    }

    net::Worker worker_;
    std::optional<LedgerDesk> desk_;
};

}  // namespace sluice::store::testing

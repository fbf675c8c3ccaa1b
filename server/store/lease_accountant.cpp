#include "server/store/lease_accountant.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <span>
#include <utility>

namespace sluice::store {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds founding_takes = LeaseTimes::validity + LeaseTimes::settling + milliseconds(2'000);
constexpr milliseconds pause{200};
constexpr milliseconds look_at_dead_every{2'000};
constexpr std::size_t at_once = 200;

Instant now() { return std::chrono::steady_clock::now(); }

std::int64_t used(ProcessUse const& use, Resource of) {
    return std::max<std::int64_t>(use.settled[of] + use.open[of], 0);
}

/// From when on nothing that a rolling limit counts now is counted.
WallTime forgotten_at(SharedLimit const& limit, WallTime now) { return now + limit.per.length + limit.per.length / 60; }

std::string random_name() {
    std::random_device random;
    return std::to_string((std::uint64_t{random()} << 32U) | random());
}

std::vector<UseQuestion> questions_about(std::span<SharedLimit const> limits, WallTime at) {
    std::vector<UseQuestion> questions;
    for (auto const& limit : limits) questions.push_back({.payer = limit.payer, .since = limit.counts_since(at)});
    return questions;
}

}  // namespace

LeaseAccountant::LeaseAccountant(SharedLimits shared, SharedUse& ledger, std::int64_t epoch, Options options)
    : shared_(std::move(shared)), ledger_(ledger), epoch_(epoch), options_(std::move(options)) {
    thread_ = std::thread([this] { work(); });
}

LeaseAccountant::~LeaseAccountant() { stop(); }

void LeaseAccountant::stop() {
    {
        std::lock_guard const lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void LeaseAccountant::count(std::string const& generation, SharedLimit const& limit) {
    std::lock_guard const lock(mutex_);
    generation_ = generation;
    uncounted_.insert(limit.text());
    wake_.notify_all();
}

void LeaseAccountant::lost() {
    std::lock_guard const lock(mutex_);
    lost_ = true;
    uncounted_.clear();
    dead_.clear();
    wake_.notify_all();
}

void LeaseAccountant::dead(std::string const& generation, std::vector<std::int64_t> const& epochs) {
    std::lock_guard const lock(mutex_);
    generation_ = generation;
    dead_.insert(epochs.begin(), epochs.end());
    wake_.notify_all();
}

void LeaseAccountant::tell(std::string_view code, std::string const& message) const {
    if (options_.tell) options_.tell(code, message);
}

/// False: it ends.
bool LeaseAccountant::wait(std::unique_lock<std::mutex>& lock, Instant until) {
    return !wake_.wait_until(lock, until, [this] { return ending_; });
}

void LeaseAccountant::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return ending_ || lost_ || !uncounted_.empty() || !dead_.empty(); });
        if (ending_) return;
        bool const is_lost = std::exchange(lost_, false);
        auto const uncounted = std::exchange(uncounted_, {});
        auto const dead = std::exchange(dead_, {});
        auto const generation = generation_;
        lock.unlock();
        bool const is_news = is_lost ? found_generation() : catch_up(generation, uncounted, dead);
        if (is_news && options_.done) options_.done();
        lock.lock();
        // What failed is asked for again, by the renewing thread.
        if (is_failing_ && !wait(lock, now() + pause)) return;
    }
}

/// Whether something may be had now that could not before.
bool LeaseAccountant::catch_up(std::string const& generation, std::set<std::string> const& uncounted,
                               std::set<std::int64_t> const& dead) {
    if (shared_.generation() != generation) shared_.join(generation);
    std::vector<SharedLimit> limits;
    for (auto const& text : uncounted)
        if (auto limit = SharedLimit::read(text)) limits.push_back(*std::move(limit));
    auto const counted = count_limits(limits);
    bool is_news = counted && !limits.empty();
    for (auto const epoch : dead) is_news |= take_over(epoch);
    bool const was_failing = std::exchange(is_failing_, !counted);
    if (!counted && !was_failing) tell("limits_not_counted", counted.error().detail);
    return is_news;
}

// --- when Redis has lost its data ------------------------------------------------------------------------------------

/// Waits until nobody can have anything left that was granted before, and what was reserved under it is in the ledger.
/// False: it ends.
bool LeaseAccountant::found_generation() {
    auto ended = [this](milliseconds time) {
        std::unique_lock lock(mutex_);
        return !wait(lock, now() + time);
    };
    for (;;) {
        auto const found = shared_.find_generation();
        if (found && !found->empty()) return true;
        auto const locked = shared_.take_lock("founding", founding_takes);
        if (locked && *locked) {
            // Nobody else can have anything, if nobody else is there; what was granted here is void already.
            auto const alone = ledger_.is_alone(epoch_);
            bool const must_wait = !alone || !*alone;
            if (must_wait && ended(LeaseTimes::validity + LeaseTimes::settling)) return false;
            auto const founded = shared_.found_generation("founding", random_name());
            if (founded && *founded) {
                tell("limits_counted_anew",
                     "Redis has no counters; each limit is counted from the ledger when it is used");
                return true;
            }
        }
        if (ended(pause)) return false;
    }
}

// --- limits that nobody has counted ----------------------------------------------------------------------------------

SharedLimits::Beginning LeaseAccountant::beginning_of(SharedLimit const& limit, std::span<ProcessUse const> uses,
                                                      std::size_t place, WallTime at) const {
    SharedLimits::Beginning beginning{
        .limit = limit, .window_began = limit.window_began(at), .counts_until = forgotten_at(limit, at)};
    for (auto const& use : uses) {
        if (use.question != place) continue;
        if (use.gone && use.epoch != epoch_) {
            beginning.spent += used(use, limit.of);
        } else {
            beginning.parts.push_back({.epoch = use.epoch,
                                       .granted = used(use, limit.of),
                                       .settled = std::max<std::int64_t>(use.settled[limit.of], 0)});
        }
    }
    return beginning;
}

Result<> LeaseAccountant::count_limits(std::vector<SharedLimit> const& limits) {
    for (std::size_t first = 0; first < limits.size(); first += at_once) {
        std::span const some(limits.data() + first, std::min(at_once, limits.size() - first));
        auto const at = options_.now();
        SLUICE_TRY(auto const uses, ledger_.uses(questions_about(some, at), std::nullopt));
        for (std::size_t i = 0; i < some.size(); ++i) {
            SLUICE_TRY(auto const answer, shared_.begin(beginning_of(some[i], uses, i, at)));
            if (answer == SharedLimits::Answer::lost) return {};  // then the renewing thread hears of it as well
        }
    }
    return {};
}

// --- processes that have died ----------------------------------------------------------------------------------------

/// Its beats stop once; every replica hears of it with each of its own beats, until it is forgotten. False: somebody
/// else sees to it, or it was seen to a moment ago.
bool LeaseAccountant::take_over(std::int64_t epoch) {
    auto const locked = shared_.take_lock("takeover:" + std::to_string(epoch), look_at_dead_every);
    if (!locked || !*locked) return false;
    auto const done = shrink_shares(epoch);
    if (!done || !*done) return done.has_value();
    auto const forgotten = shared_.forget_process(epoch);
    if (forgotten && *forgotten == SharedLimits::Answer::ok)
        tell("replica_gone", "a replica is gone; of what it had borrowed, what the ledger says it used is kept");
    return true;
}

/// True: the ledger has its last word on all of it.
Result<bool> LeaseAccountant::shrink_shares(std::int64_t epoch) {
    SLUICE_TRY(auto const limits, shared_.limits());
    bool done = true;
    for (std::size_t first = 0; first < limits.size(); first += at_once) {
        std::span const some(limits.data() + first, std::min(at_once, limits.size() - first));
        auto const at = options_.now();
        SLUICE_TRY(auto const shares, shared_.shares(some, epoch));
        if (shares.empty()) continue;
        SLUICE_TRY(auto const uses, ledger_.uses(questions_about(some, at), epoch));
        for (auto const& share : shares) {
            auto const& limit = some[share.limit];
            if (share.window_began != limit.window_began(at)) continue;  // over
            auto const found = std::ranges::find(uses, share.limit, &ProcessUse::question);
            ProcessUse const use = found != uses.end() ? *found : ProcessUse{.gone = true};
            done &= use.gone;
            // Of open calls' tokens the ledger knows nothing before they are settled.
            if (limit.of == Resource::tokens && !use.gone) continue;
            SharedLimits::Part const part{.epoch = epoch,
                                          .granted = used(use, limit.of),
                                          .settled = std::max<std::int64_t>(use.settled[limit.of], 0)};
            SLUICE_CHECK(shared_.shrink(limit, share.window_began, part, use.gone, forgotten_at(limit, at)));
        }
    }
    return done;
}

}  // namespace sluice::store

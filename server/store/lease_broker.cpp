#include "server/store/lease_broker.hpp"

#include <algorithm>
#include <ranges>
#include <tuple>
#include <utility>

namespace sluice::store {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds busy_pause{100};  ///< between rounds while something is held
constexpr milliseconds idle_pause{500};
constexpr milliseconds least_pause{5};       ///< however much is wanted
constexpr milliseconds least_patience{250};  ///< with an answer of Redis; less than LeaseTimes::settling
constexpr milliseconds extend_after{1'000};
constexpr milliseconds idle_before_return{5'000};  ///< so that whoever asks now and then need not borrow each time
constexpr milliseconds idle_before_forgotten{10'000};
constexpr std::size_t steps_at_once = 200;

Instant steady_now() { return std::chrono::steady_clock::now(); }

SharedLimits connect(Secret const& url, std::int64_t epoch) {
    return SharedLimits(RedisClient::make(url).value(), epoch);  // was checked
}

}  // namespace

std::optional<std::string> check_redis_url(Secret const& url) {
    auto const read = read_redis_url(url.expose());
    if (read) return std::nullopt;
    return read.error();
}

LeaseBroker::LeaseBroker(LimitBook& book, SharedUse& ledger, Secret const& redis_url, Options options)
    : book_(book),
      options_(std::move(options)),
      shared_(connect(redis_url, options_.epoch)),
      accountant_(connect(redis_url, options_.epoch), ledger, options_.epoch,
                  {.now = options_.now, .tell = options_.tell, .done = [this] { hurry(); }}) {
    book_.use_leases(true);
    thread_ = std::thread([this] { renew(); });
}

LeaseBroker::~LeaseBroker() {
    {
        std::lock_guard const lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    thread_.join();
    accountant_.stop();
}

// --- who waits -------------------------------------------------------------------------------------------------------

Task<Result<bool>> LeaseBroker::more(Clock& clock, Cancellation& cancellation, Instant until) {
    auto const now = state();
    if (now == LeaseState::closed || now == LeaseState::alone) co_return false;
    auto const gate = clock.make_gate();
    {
        std::lock_guard const lock(mutex_);
        waiting_.push_back(gate);
    }
    hurry();
    co_return co_await gate->wait(until, cancellation);
}

void LeaseBroker::hurry() {
    {
        std::lock_guard const lock(mutex_);
        hurry_ = true;
    }
    wake_.notify_all();
}

void LeaseBroker::wake() {
    std::vector<std::shared_ptr<Gate>> served;
    {
        std::lock_guard const lock(mutex_);
        served.swap(served_);
    }
    for (auto const& gate : served) gate->open();
}

// --- the thread ------------------------------------------------------------------------------------------------------

void LeaseBroker::renew() {
    while (wait_for_round()) {
        round();
        wake();
    }
    leave();
    wake();
}

/// False: it ends. Who waits now is served by the round that follows.
bool LeaseBroker::wait_for_round() {
    std::unique_lock lock(mutex_);
    auto ending = [this] { return ending_; };
    if (wake_.wait_for(lock, least_pause, ending)) return false;
    wake_.wait_for(lock, held_.empty() ? idle_pause : busy_pause, [this] { return ending_ || hurry_; });
    hurry_ = false;
    served_.insert(served_.end(), waiting_.begin(), waiting_.end());
    waiting_.clear();
    return !ending_;
}

void LeaseBroker::round() {
    auto const asked = steady_now();
    auto const wall = options_.now();
    if (asked >= confirmed_until_) void_leases();
    auto const beat = shared_.beat(patience(asked));
    if (!beat) return failed(beat.error());
    if (beat->answer == SharedLimits::Answer::ok) valid_until_ = wall + LeaseTimes::validity;
    answered(*beat, asked);
    if (beat->answer != SharedLimits::Answer::ok) return;
    read_book();
    follow_windows();
    plan_steps(beat->short_of);
    take_steps();
    extend();
}

/// What is granted is not held much longer than Redis has confirmed, whatever the time of day says.
Instant LeaseBroker::patience(Instant asked) const {
    auto const longest = asked + RedisClient::longest_wait;
    return is_void_ ? longest : std::min(longest, std::max(confirmed_until_, asked + least_patience));
}

void LeaseBroker::answered(SharedLimits::Beat const& beat, Instant asked) {
    using enum SharedLimits::Answer;
    if (beat.answer == ok) {
        // Somebody may have taken over what this process had. It asks anew.
        if (beat.was_late) drop_all();
        confirmed_until_ = asked + LeaseTimes::validity;
        is_void_ = false;
        lost_ = false;
        set_state(LeaseState::shared, "limits_shared", "limits are shared through Redis");
        if (!beat.dead.empty()) accountant_.dead(shared_.generation(), beat.dead);
        return;
    }
    drop_all();
    if (beat.answer == other) return hurry();
    if (beat.answer != lost) return;
    accountant_.lost();
    if (std::exchange(lost_, true)) return;
    if (state() == LeaseState::shared && options_.tell)
        options_.tell("limits_lost", "Redis has lost its counters; nothing is given until they are rebuilt");
}

void LeaseBroker::failed(Error const& error) {
    bool const holds = !is_void_ && steady_now() < confirmed_until_;
    if (holds) return;
    bool const is_alone = options_.without_redis == WithoutRedis::alone;
    set_state(is_alone ? LeaseState::alone : LeaseState::closed, "limits_not_shared",
              error.detail.str() +
                  (is_alone ? "; limits count in this process alone" : "; requests with limits are refused"));
}

void LeaseBroker::set_state(LeaseState state, std::string_view code, std::string const& message) {
    auto const before = state_.exchange(state, std::memory_order_relaxed);
    if (before == state) return;
    if (state == LeaseState::alone || before == LeaseState::alone) book_.use_leases(state != LeaseState::alone);
    if (options_.tell) options_.tell(code, message);
}

// --- what is held ----------------------------------------------------------------------------------------------------

void LeaseBroker::Held::want(LimitBook::Lease const& lease) {
    if (lease.wanted == 0) return;
    least_wanted = least_wanted == 0 ? lease.least_wanted : std::min(least_wanted, lease.least_wanted);
    wanted += lease.wanted;
}

/// What the book then says of it is what this replica has used, whatever happens beside.
std::optional<LimitBook::Lease> LeaseBroker::grant(Held& held, std::int64_t amount, WallTime until) {
    auto lease = book_.grant(held.limit.payer, held.rule, held.window_began, amount, until);
    if (!lease) return lease;
    held.settled = lease->settled;
    held.reserved = lease->reserved;
    held.want(*lease);
    return lease;
}

void LeaseBroker::drop_all() {
    for (auto& [name, held] : held_) {
        grant(held, 0, WallTime::min());
        held.granted = 0;
        held.unknown = true;
    }
}

/// Redis has not confirmed for too long that they hold. By the steady clock: LimitBook goes by the time of day.
void LeaseBroker::void_leases() {
    if (std::exchange(is_void_, true)) return;
    drop_all();
}

void LeaseBroker::read_book() {
    std::map<std::string, std::int64_t, std::less<>> least;  // of limits that count the same, the smallest rules
    for (auto const& lease : book_.leases(options_.now())) {
        auto const limit = SharedLimit::of_limit(lease.payer, lease.limit);
        auto const name = limit.text();
        auto& held = held_[name];
        if (held.window_began != lease.window_began || held.limit.payer.name.empty()) {
            held = {.limit = limit, .rule = lease.limit, .window_began = lease.window_began};
            held.used_before = lease.settled + lease.reserved;
        }
        auto& most = least.try_emplace(name, lease.limit.most).first->second;
        most = std::min(most, lease.limit.most);
        held.rule = lease.limit;
        held.rule.most = most;
        held.last_active = steady_now();
        held.settled = lease.settled;
        held.reserved = lease.reserved;
        held.want(lease);
    }
}

void LeaseBroker::follow_windows() {
    auto const now = options_.now();
    for (auto at = held_.begin(); at != held_.end();) {
        auto& held = at->second;
        auto const began = held.limit.window_began(now);
        bool is_known = true;
        if (began > held.window_began) {
            held.window_began = began;
            held.granted = 0;
            held.wanted = 0;
            held.least_wanted = 0;
            held.unknown = true;  // Redis has carried over what it knew; it is told what is so
            is_known = grant(held, 0, WallTime::min()).has_value();
        }
        at = is_known ? std::next(at) : held_.erase(at);
    }
}

/// Less is granted here before others may have it.
void LeaseBroker::keep_only_used(Held& held) {
    auto const before = held.granted;
    bool const is_there = grant(held, held.used(), valid_until_).has_value();
    if (!is_there) held.reserved = 0;  // nobody has such a limit any more
    held.granted = std::min(before, held.used());
}

void LeaseBroker::plan(std::string const& name, Held& held, SharedLimits::Way way) {
    steps_.push_back({name,
                      {.limit = held.limit,
                       .window_began = held.window_began,
                       .most = held.rule.most,
                       .settled = held.settled,
                       .reserved = held.reserved,
                       .held = held.granted,
                       .wanted = std::exchange(held.wanted, 0),
                       .least_wanted = std::exchange(held.least_wanted, 0),
                       .way = way,
                       .is_new = held.is_new}});
}

/// `is_short`: somebody lacks it. Then nobody keeps what helps him to nothing.
void LeaseBroker::plan_step(std::string const& name, Held& held, bool is_short) {
    auto const recent = std::max<std::int64_t>(held.used() - held.used_before, 0);
    auto const left = held.granted - held.used();
    held.used_before = held.used();
    // Ahead of need: what two more rounds like the last one use.
    if (!held.unknown && held.wanted == 0 && recent > 0 && left < 2 * recent && !is_short)
        held.wanted = 2 * recent - left;
    if (held.unknown || left < 0) return plan(name, held, SharedLimits::Way::take);
    if (held.wanted > 0 && is_short && left > 0) {
        keep_only_used(held);
        held.wanted += left;
        held.least_wanted += left;
        return plan(name, held, SharedLimits::Way::retake);
    }
    if (held.wanted > 0) return plan(name, held, SharedLimits::Way::take);
    // Whether the limit is used up, or merely in use, others judge by what everybody says is settled.
    bool const has_news = left > 0 || held.settled != held.told_settled;
    bool const is_idle = steady_now() - held.last_active >= idle_before_return;
    if (!has_news || (!is_idle && !is_short)) return;
    keep_only_used(held);
    plan(name, held, SharedLimits::Way::give_back);
}

void LeaseBroker::plan_steps(SharedLimits::Names const& short_of) {
    steps_.clear();
    for (auto& [name, held] : held_) plan_step(name, held, short_of.contains(name));
    std::erase_if(held_, [now = steady_now()](auto const& entry) {
        auto const& held = entry.second;
        bool const is_told = !held.unknown && held.granted == held.used() && held.settled == held.told_settled;
        // What a rolling limit forgets is to be returned.
        bool const may_change = held.reserved > 0 || (held.limit.is_rolling() && held.settled > 0);
        return is_told && !may_change && now - held.last_active >= idle_before_forgotten;
    });
}

void LeaseBroker::take_steps() {
    for (std::size_t first = 0; first < steps_.size(); first += steps_at_once) {
        std::vector<SharedLimits::Step> some;
        auto const end = std::min(first + steps_at_once, steps_.size());
        for (auto i = first; i < end; ++i) some.push_back(steps_[i].second);
        auto const granted = shared_.steps(some);
        if (!granted) return failed(granted.error());
        for (auto i = first; i < end; ++i) {
            auto const held = held_.find(steps_[i].first);
            if (held != held_.end()) apply(held->second, steps_[i].second, (*granted)[i - first]);
        }
    }
}

void LeaseBroker::apply(Held& held, SharedLimits::Step const& step, SharedLimits::Granted const& granted) {
    switch (granted.answer) {
        case SharedLimits::Answer::ok:
            held.unknown = held.is_new = false;
            held.granted = granted.amount;
            held.told_settled = step.settled;
            book_.settled_elsewhere(held.limit.payer, held.rule, held.window_began, granted.settled_elsewhere,
                                    valid_until_);
            grant(held, granted.amount, valid_until_);
            held.extended = confirmed_until_;
            return;
        case SharedLimits::Answer::absent:
            accountant_.count(shared_.generation(), step.limit);
            held.unknown = true;
            return;
        default:
            held.unknown = true;  // the next beat says why
            return;
    }
}

/// What no step has touched holds for as long as the last beat allows.
void LeaseBroker::extend() {
    for (auto& [name, held] : held_) {
        if (held.unknown || held.granted == 0 || confirmed_until_ - held.extended < extend_after) continue;
        grant(held, held.granted, valid_until_);
        held.extended = confirmed_until_;
    }
}

void LeaseBroker::leave() {
    auto const beat = shared_.beat(RedisClient::in_time());
    bool const can = beat && beat->answer == SharedLimits::Answer::ok && !beat->was_late;
    drop_all();
    if (!can) return;
    steps_.clear();
    bool is_all = true;
    for (auto const& [name, held] : held_) {
        bool const is_over = held.reserved == 0;
        is_all &= is_over;
        steps_.push_back({name,
                          {.limit = held.limit,
                           .window_began = held.window_began,
                           .most = held.rule.most,
                           .settled = held.settled,
                           .reserved = held.reserved,
                           .way = is_over ? SharedLimits::Way::leave : SharedLimits::Way::give_back,
                           .is_new = held.is_new}});
    }
    std::vector<SharedLimits::Step> all;
    all.reserve(steps_.size());
    for (auto const& step : steps_) all.push_back(step.second);
    // A replica that could not say all of it is taken for dead soon, and the ledger asked.
    if (shared_.steps(all) && is_all) std::ignore = shared_.leave();
}

}  // namespace sluice::store

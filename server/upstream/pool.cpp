#include "server/upstream/pool.hpp"

#include <algorithm>
#include <array>

#include "server/upstream/request_head.hpp"

namespace sluice::upstream {

namespace {
constexpr seconds sweep_interval{1};
}

Pool::Pool(net::Worker& worker, Origin origin, std::optional<Origin> proxy)
    : worker_(worker),
      origin_(std::move(origin)),
      fixed_fields_(upstream::fixed_fields(origin_)),
      proxy_(std::move(proxy)) {}

Task<Result<Pool::Slot>> Pool::slot(PoolSettings const& settings, std::uint64_t share, Cancellation& cancellation) {
    most_ = std::max<std::uint64_t>(1, settings.max_open / share);
    if (open_ < most_ && waiting_.empty()) {  // nobody passes those who wait: grant() is on its way to them
        ++open_;
        co_return Slot(shared_from_this());
    }
    if (waiting_.size() >= settings.max_waiting) {
        co_return std::unexpected(Error{.kind = ErrorKind::overloaded, .detail = "the pool's queue is full"});
    }
    auto const self = shared_from_this();
    net::Waiter waiter(worker_.wheel());
    waiting_.push_back(&waiter);
    net::Wake woken{};
    {
        Cancellation::Hook hook(cancellation, waiter);
        woken = co_await waiter.wait(worker_.now() + settings.max_wait);
    }
    if (woken == net::Wake::ready) co_return Slot(self);  // grant() has counted it
    std::erase(waiting_, &waiter);
    if (woken == net::Wake::cancelled) co_return std::unexpected(net::cancelled_error(cancellation));
    co_return std::unexpected(Error{.kind = ErrorKind::overloaded, .detail = "no free connection in the pool in time"});
}

void Pool::slot_freed() {
    --open_;
    // Not from here: this runs in a destructor, and the one who waits would run inside it.
    if (!waiting_.empty()) worker_.post([self = shared_from_this()] { self->grant(); });
}

void Pool::grant() {
    while (!waiting_.empty() && open_ < most_) {
        ++open_;
        auto* const next = waiting_.front();
        waiting_.pop_front();
        next->wake(net::Wake::ready);
    }
}

Pool::Pooled Pool::take_idle(PoolSettings const& settings) {
    auto const now = worker_.now();
    while (!idle_.empty()) {
        auto newest = std::move(idle_.back());
        idle_.pop_back();
        newest.idle_time = settings.idle_time;
        if (newest.expired(now)) continue;
        std::array<char, 1> unexpected{};
        if (newest.pooled.connection->read_some(unexpected).status == net::IoStatus::want_read) {
            return std::move(newest.pooled);
        }
    }
    return {};
}

void Pool::put_idle(Pooled connection, PoolSettings const& settings) {
    max_idle_ = settings.max_idle;
    auto const now = worker_.now();
    auto const max_age = milliseconds(
        static_cast<std::int64_t>(static_cast<double>(settings.max_age.count()) * connection.share_of_max_age));
    if (now - connection.opened_at >= max_age) return;
    idle_.push_back({std::move(connection), now, max_age, settings.idle_time});
    worker_.wheel().schedule(*this, now + sweep_interval);
}

void Pool::expired() {
    auto const now = worker_.now();
    std::erase_if(idle_, [now](Idle const& idle) { return idle.expired(now); });
    // A burst gives many back at a time, and the next one is about to need them: too many are those that rest.
    auto const too_many = static_cast<std::ptrdiff_t>(idle_.size() - std::min(idle_.size(), max_idle_));
    auto const rested = [now](Idle const& idle) { return now - idle.idle_since >= sweep_interval; };
    idle_.erase(idle_.begin(), std::find_if_not(idle_.begin(), idle_.begin() + too_many, rested));
    if (!idle_.empty()) worker_.wheel().schedule(*this, now + sweep_interval);
}

}  // namespace sluice::upstream

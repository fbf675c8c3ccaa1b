#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/net/connection.hpp"
#include "server/upstream/origin.hpp"

namespace sluice::upstream {

/// The connections of one worker to one origin with one credential through one proxy. An idle connection is handed out
/// again, newest first, only if it is young enough and a read right before shows nothing. Thread: its worker's.
class Pool : public std::enable_shared_from_this<Pool>, private net::Watch {
public:
    Pool(net::Worker& worker, Origin origin, std::optional<Origin> proxy);
    ~Pool() override = default;

    Origin const& origin() const { return origin_; }
    /// Of each request's head: fixed_fields() of the origin.
    std::string const& fixed_fields() const { return fixed_fields_; }
    Origin const* proxy() const { return proxy_ ? &*proxy_ : nullptr; }
    net::TlsTicket& ticket() { return ticket_; }

    /// The right to one open connection; gives it back when destroyed. Holds the pool.
    class Slot {
    public:
        Slot() = default;
        explicit Slot(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
        Slot(Slot&&) noexcept = default;
        Slot& operator=(Slot&& other) noexcept {
            release();
            pool_ = std::move(other.pool_);
            return *this;
        }
        ~Slot() { release(); }
        Pool* operator->() const { return pool_.get(); }

    private:
        void release() {
            if (pool_) std::exchange(pool_, nullptr)->slot_freed();
        }
        std::shared_ptr<Pool> pool_;
    };

    /// Waits for a free slot if all are taken. Errors: overloaded (queue full, or waited too long), cancelled.
    Task<Result<Slot>> slot(PoolSettings const& settings, std::uint64_t share, Cancellation& cancellation);

    struct Pooled {
        std::unique_ptr<net::Connection> connection;
        Instant opened_at{};
        double share_of_max_age = 1;  ///< that it lives: connections opened together do not end together
    };

    /// Nobody holds it, and no connection waits in it.
    bool unused() const { return open_ == 0 && idle_.empty() && waiting_.empty(); }

    /// An idle connection that is fit for use, or none.
    Pooled take_idle(PoolSettings const& settings);
    /// Only a connection whose last exchange ended exactly at its boundary. More than `settings.max_idle` are kept for
    /// a second at most.
    void put_idle(Pooled connection, PoolSettings const& settings);

private:
    struct Idle {
        Pooled pooled;
        Instant idle_since;
        milliseconds max_age;
        milliseconds idle_time;
        bool expired(Instant now) const { return now - idle_since >= idle_time || now - pooled.opened_at >= max_age; }
    };

    void slot_freed();
    void grant();
    void expired() override;

    net::Worker& worker_;
    Origin origin_;
    std::string fixed_fields_;
    std::optional<Origin> proxy_;
    net::TlsTicket ticket_;
    std::vector<Idle> idle_;  ///< the newest last
    std::size_t max_idle_ = 0;
    std::uint64_t open_ = 0;
    std::uint64_t most_ = 1;
    std::deque<net::Waiter*> waiting_;
};

}  // namespace sluice::upstream

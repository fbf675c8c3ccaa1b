#pragma once

#include <array>
#include <cstddef>

#include "core/types/clock.hpp"

namespace sluice::net {

/// Something with a deadline. While scheduled it must not move; destroying it takes it out of its wheel.
class Watch {
public:
    Watch() = default;
    Watch(Watch const&) = delete;
    Watch& operator=(Watch const&) = delete;
    virtual ~Watch() { unlink(); }

protected:
    /// The deadline has passed. May schedule again, or destroy *this.
    virtual void expired() = 0;
    /// The worker ends: nothing will be waited for any more. May destroy *this.
    virtual void dropped() {}

private:
    friend class TimerWheel;
    void unlink();

    Instant due_ = never;
    Instant slot_time_ = never;  ///< when the slot that holds it is visited next
    Watch** link_ = nullptr;     ///< the pointer that points here
    Watch* next_ = nullptr;
};

/// All deadlines of one worker, driven by one timer: a hashed wheel with lazy re-arming. Moving a deadline later, which
/// is what almost every operation does, is one store; a deadline fires up to `tick` late. Thread: its worker's.
class TimerWheel {
public:
    static constexpr milliseconds tick{10};
    static constexpr std::size_t slot_count = 1024;

    explicit TimerWheel(Instant now) : visited_until_(now) {}

    void schedule(Watch& watch, Instant due);
    /// Cheap: the watch may stay linked until its slot comes by.
    void cancel(Watch& watch) { watch.due_ = never; }
    /// Calls expired() of every watch whose deadline is before `now`.
    void advance(Instant now);
    /// Calls dropped() of every watch that is scheduled. True: there was one.
    bool drop_all();

private:
    std::size_t slot_of(Instant time) const;
    void link(Watch& watch);
    void visit(std::size_t slot, Instant now);

    std::array<Watch*, slot_count> slots_{};
    Instant visited_until_;
};

}  // namespace sluice::net

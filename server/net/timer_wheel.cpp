#include "server/net/timer_wheel.hpp"

#include <utility>

namespace sluice::net {

void Watch::unlink() {
    if (!link_) return;
    *link_ = next_;
    if (next_) next_->link_ = link_;
    link_ = nullptr;
    next_ = nullptr;
}

std::size_t TimerWheel::slot_of(Instant time) const {
    return static_cast<std::size_t>(time.time_since_epoch() / tick) % slot_count;
}

void TimerWheel::schedule(Watch& watch, Instant due) {
    watch.due_ = due;
    if (due == never || (watch.link_ && watch.slot_time_ <= due)) return;
    watch.unlink();
    link(watch);
}

void TimerWheel::link(Watch& watch) {
    // Never into a slot that is already behind, nor further than one turn ahead: the visit re-links what is not due.
    Instant const soonest = visited_until_ + tick;
    Instant const horizon = visited_until_ + tick * (slot_count - 1);
    watch.slot_time_ = std::clamp(watch.due_, soonest, horizon);
    auto& head = slots_[slot_of(watch.slot_time_)];
    watch.next_ = head;
    if (head) head->link_ = &watch.next_;
    watch.link_ = &head;
    head = &watch;
}

void TimerWheel::advance(Instant now) {
    if (now - visited_until_ > tick * slot_count) visited_until_ = now - tick * slot_count;
    while (visited_until_ + tick <= now) {
        visited_until_ += tick;
        visit(slot_of(visited_until_), now);
    }
}

void TimerWheel::visit(std::size_t slot, Instant now) {
    // The whole list moves to a local head first: what expired() schedules goes to slots that are visited later.
    Watch* due_list = slots_[slot];
    slots_[slot] = nullptr;
    if (due_list) due_list->link_ = &due_list;
    while (due_list) {
        Watch& watch = *due_list;
        watch.unlink();
        if (watch.due_ == never) continue;
        if (watch.due_ <= now) {
            watch.due_ = never;
            watch.expired();
        } else {
            link(watch);
        }
    }
}

bool TimerWheel::drop_all() {
    bool any = false;
    for (auto& slot : slots_) {
        Watch* list = slot;
        slot = nullptr;
        if (list) list->link_ = &list;
        while (list) {
            Watch& watch = *list;
            watch.unlink();
            if (std::exchange(watch.due_, never) == never) continue;
            any = true;
            watch.dropped();
        }
    }
    return any;
}

}  // namespace sluice::net

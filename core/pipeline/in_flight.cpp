#include "core/pipeline/in_flight.hpp"

#include <array>
#include <utility>

namespace sluice {

std::string_view to_string(InFlight::WaitEnd end) {
    constexpr std::array<std::string_view, static_cast<std::size_t>(InFlight::WaitEnd::count_)> names{
        "served", "expired", "left", "refused"};
    return names[static_cast<std::size_t>(end)];
}

bool InFlight::try_enter(unsigned max) { return (max == 0 || waiting_.load() == 0) && take(max); }

bool InFlight::take(unsigned max) {
    auto count = count_.load();
    while (max == 0 || count < max) {
        if (count_.compare_exchange_weak(count, count + 1)) return true;
    }
    return false;
}

void InFlight::leave() {
    count_.fetch_sub(1);
    if (waiting_.load() > 0) hand_over();
}

void InFlight::hand_over() {
    std::lock_guard const lock(mutex_);
    hand_over_locked();
}

void InFlight::hand_over_locked() {
    while (auto const next = queue_.front()) {
        if (!take(max_)) return;
        auto const found = by_number_.find(*next);
        found->second->has_place_ = true;
        found->second->gate_->open();
        by_number_.erase(found);
        queue_.pop();
        waiting_.fetch_sub(1);
    }
}

std::unique_ptr<InFlight::Waiting> InFlight::wait_in_line(std::string_view team, Line const& line,
                                                          std::shared_ptr<Gate> gate) {
    std::lock_guard const lock(mutex_);
    max_ = line.max;
    hand_over_locked();  // the limit may have risen
    if (queue_.size() >= line.size) return nullptr;
    auto waiting = std::make_unique<Waiting>(*this, std::string(team), std::move(gate));
    waiting->number_ = queue_.push(team);
    by_number_.emplace(waiting->number_, waiting.get());
    waiting_.fetch_add(1);
    hand_over_locked();
    return waiting;
}

bool InFlight::Waiting::take_place() {
    std::lock_guard const lock(in_flight_.mutex_);
    took_it_ = has_place_;
    return took_it_;
}

InFlight::Waiting::~Waiting() {
    if (took_it_) return;
    {
        std::lock_guard const lock(in_flight_.mutex_);
        if (!has_place_) {
            in_flight_.queue_.remove(team_, number_);
            in_flight_.by_number_.erase(number_);
            in_flight_.waiting_.fetch_sub(1);
            return;
        }
    }
    in_flight_.leave();
}

}  // namespace sluice

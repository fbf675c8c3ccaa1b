#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/pipeline/ports.hpp"
#include "core/policy/fair_queue.hpp"

namespace sluice {

/// Requests under way at one provider, and those that wait for a place among them. Who waits is never overtaken by who
/// comes later; places go round the teams. Thread: any. Without anybody who waits it is two atomics.
class InFlight {
public:
    InFlight() = default;
    InFlight(InFlight const&) = delete;
    InFlight& operator=(InFlight const&) = delete;

    /// Takes a place, unless all are taken or somebody waits for one. `max` 0: no limit.
    bool try_enter(unsigned max);
    /// Gives a place back: to who waits longest in the team whose turn it is, if anybody waits.
    void leave();
    unsigned count() const { return count_.load(std::memory_order_relaxed); }

    /// One that waits. Its destructor gives up the wait, or the place that came and was not taken.
    class Waiting {
    public:
        Waiting(InFlight& in_flight, std::string team, std::shared_ptr<Gate> gate)
            : in_flight_(in_flight), team_(std::move(team)), gate_(std::move(gate)) {}
        Waiting(Waiting const&) = delete;
        Waiting& operator=(Waiting const&) = delete;
        ~Waiting();

        /// Opened when a place has come.
        Gate& gate() { return *gate_; }
        /// True: the place is the caller's from now on, who gives it back with leave().
        bool take_place();

    private:
        friend class InFlight;
        InFlight& in_flight_;
        std::string team_;
        std::shared_ptr<Gate> gate_;
        FairQueue::Number number_ = 0;
        bool has_place_ = false;  ///< guarded by the mutex of in_flight_
        bool took_it_ = false;
    };
    struct Line {
        unsigned max = 0;        ///< requests under way; what the last to come says counts for all
        std::uint64_t size = 0;  ///< requests that may wait
    };
    /// Null: the line is full. *this must outlive what it returns.
    std::unique_ptr<Waiting> wait_in_line(std::string_view team, Line const& line, std::shared_ptr<Gate> gate);
    unsigned waiting() const { return waiting_.load(std::memory_order_relaxed); }

    /// How waits ended since the start.
    enum class WaitEnd : std::uint8_t { served, expired, left, refused, count_ };
    void count_wait(WaitEnd end) { ends_[static_cast<std::size_t>(end)].fetch_add(1, std::memory_order_relaxed); }
    std::uint64_t waits(WaitEnd end) const {
        return ends_[static_cast<std::size_t>(end)].load(std::memory_order_relaxed);
    }

private:
    bool take(unsigned max);
    void hand_over();
    void hand_over_locked();

    // Who leaves counts down and then looks whether anybody waits; who comes to wait says so and then looks for a
    // place. In one order that all threads agree on at least one of the two sees the other: no place is lost.
    std::atomic<unsigned> count_ = 0;
    std::atomic<unsigned> waiting_ = 0;
    std::mutex mutex_;  ///< guards what follows
    FairQueue queue_;
    std::unordered_map<FairQueue::Number, Waiting*> by_number_;
    unsigned max_ = 0;
    std::atomic<std::uint64_t> ends_[static_cast<std::size_t>(WaitEnd::count_)]{};
};

std::string_view to_string(InFlight::WaitEnd end);

}  // namespace sluice

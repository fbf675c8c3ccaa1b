#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "histogram.hpp"
#include "options.hpp"

namespace sluice::bench {

using Clock = std::chrono::steady_clock;

/// What happened to the events of all streams together.
struct StreamTally {
    std::uint64_t events = 0;    ///< events with data, `[DONE]` left out
    std::uint64_t deltas = 0;    ///< those with content that is not empty
    std::uint64_t numbered = 0;  ///< those that carried a sequence number
    std::uint64_t comments = 0;
    std::uint64_t lost = 0;       ///< numbers that were jumped over
    std::uint64_t repeated = 0;   ///< the same number twice in a row
    std::uint64_t reordered = 0;  ///< a number below the one before it
    std::uint64_t error_events = 0;
    /// How many streams carried the same contents in the same order: a number stands for all their contents.
    std::map<std::uint64_t, std::uint64_t> contents;
    Histogram first_event;     ///< request sent to first event
    Histogram between_events;  ///< between two readings that brought events
    Histogram transit;         ///< from an event's time stamp to its arrival
};

/// Follows the events of one stream.
class EventCheck {
public:
    EventCheck(Options const& options, StreamTally& tally) : options_(options), tally_(tally) {}

    void start(Clock::time_point sent);
    /// `piece` arrived at `now`; it may end anywhere.
    void feed(std::string_view piece, Clock::time_point now);

    /// The stream is over: its contents are counted.
    void finish();

    bool started() const { return events_ > 0; }
    bool done() const { return done_; }
    std::uint64_t deltas() const { return deltas_; }

private:
    void take_line(std::string_view line, Clock::time_point now);
    void take_data(std::string_view data, Clock::time_point now);
    void take_content(std::string_view data);
    void check_number(std::uint64_t number);

    Options const& options_;
    StreamTally& tally_;
    std::string partial_;  // a line that was cut
    Clock::time_point last_;
    std::uint64_t events_ = 0;
    std::uint64_t deltas_ = 0;
    std::uint64_t contents_ = 0;
    std::optional<std::uint64_t> number_;  // the last one seen
    bool has_data_ = false;
    bool done_ = false;
};

}  // namespace sluice::bench

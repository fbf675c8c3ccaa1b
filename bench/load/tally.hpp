#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>

#include "event_check.hpp"
#include "histogram.hpp"

namespace sluice::bench {

/// What one run saw.
struct Tally {
    std::uint64_t answers = 0;     ///< complete answers, whatever their status
    std::uint64_t reconnects = 0;  ///< the other side had closed an idle connection
    std::uint64_t mismatched = 0;  ///< wrong contents: expected text, nonce, event count, `[DONE]`, surplus bytes
    std::map<std::string, std::uint64_t> errors;  ///< exchanges without a complete answer, by reason
    std::map<int, std::uint64_t> statuses;
    std::map<int, Histogram> latency_by_status;
    std::uint64_t told_when = 0;  ///< answers with Retry-After
    std::uint64_t late = 0;       ///< open loop: requests that were due while no connection was free
    std::uint64_t bytes_received = 0;
    std::size_t smallest_answer = std::numeric_limits<std::size_t>::max();
    std::size_t largest_answer = 0;
    Histogram latency;  ///< json: request sent to answer complete
    StreamTally streams;
    std::chrono::nanoseconds elapsed{};
};

}  // namespace sluice::bench

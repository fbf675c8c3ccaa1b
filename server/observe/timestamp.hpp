#pragma once

#include <chrono>
#include <string>

#include "server/observe/line_buffer.hpp"

namespace sluice::observe {

/// Appends wall time as RFC 3339 in UTC with milliseconds: 2026-07-01T12:00:00.250Z. Remembers the last second, which
/// makes the common case a copy. One thread's.
class Timestamp {
public:
    void append(LineBuffer& out, std::chrono::system_clock::time_point time);

private:
    std::chrono::sys_seconds second_{std::chrono::sys_seconds::min()};
    std::string text_;
};

}  // namespace sluice::observe

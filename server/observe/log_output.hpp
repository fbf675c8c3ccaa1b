#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/types/clock.hpp"

namespace sluice::observe {

/// Where log lines go: stdout, stderr or a file that is appended to. Thread: the one that writes.
class LogOutput {
public:
    LogOutput() = default;
    LogOutput(LogOutput&& other) noexcept;
    LogOutput& operator=(LogOutput&& other) noexcept;
    ~LogOutput();

    /// `destination` as in the configuration: stdout, stderr, none, or a file's path. On failure `is_open` is false and
    /// errno says why.
    static LogOutput open(std::string const& destination);

    bool is_open() const { return fd_ >= 0; }

    /// Writes up to `bytes.size()` bytes; waits at most `patience` for room. Returns how many were written: less when
    /// time ran out, or npos when the output is broken.
    std::size_t write(std::string_view bytes, milliseconds patience) const;

    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

private:
    int fd_ = -1;
    std::size_t most_at_once_ = npos;  // what never blocks after poll() said there is room
    bool owned_ = false;
};

}  // namespace sluice::observe

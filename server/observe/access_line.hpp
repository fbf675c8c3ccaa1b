#pragma once

#include <cstdint>

#include "core/pipeline/outcome.hpp"
#include "server/observe/line_buffer.hpp"
#include "server/observe/observe_settings.hpp"
#include "server/observe/timestamp.hpp"

namespace sluice::observe {

/// When `outcome` ended, which is when its line is written.
inline std::chrono::system_clock::time_point end_of(Outcome const& outcome) {
    return outcome.started_at + std::chrono::duration_cast<std::chrono::system_clock::duration>(outcome.duration);
}

enum class LineStyle : std::uint8_t { json, text, coloured };

/// Appends one line, with its line break, for one finished request. No prompt, no key and no error detail is in it;
/// whatever a client sent is escaped and clipped. docs/reference/access-log.md lists the fields.
void append_access_line(LineBuffer& out, Outcome const& outcome, ObserveSettings const& settings, Timestamp& timestamp,
                        LineStyle style);

}  // namespace sluice::observe

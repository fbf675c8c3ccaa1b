#pragma once

#include <cstdint>
#include <string>

#include "core/pipeline/outcome.hpp"
#include "server/observe/observe_settings.hpp"
#include "server/observe/timestamp.hpp"

namespace sluice::observe {

enum class LineStyle : std::uint8_t { json, text, coloured };

/// Appends one line, with its line break, for one finished request. No prompt, no key and no error detail is in it;
/// whatever a client sent is escaped and clipped. docs/reference/access-log.md lists the fields.
void append_access_line(std::string& out, Outcome const& outcome, ObserveSettings const& settings, Timestamp& timestamp,
                        LineStyle style);

}  // namespace sluice::observe

#pragma once
#include <string>
#include <string_view>

#include "server/lab/options.hpp"

namespace sluice::lab {

/// One event of a stream as text, in the manner the options ask for. `number` is for id: lines.
std::string event_text(std::string_view data, Options const& options, std::size_t number);
std::string done_text(Options const& options, std::size_t number);
std::string comment_text(Options const& options);
std::string_view line_end_text(LineEnd line_end);

}  // namespace sluice::lab

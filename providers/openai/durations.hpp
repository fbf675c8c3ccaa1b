#pragma once

#include <chrono>
#include <optional>
#include <string_view>

/// The ways in which upstreams say how long to wait (README.md, "Waiting").
namespace sluice::openai {

using WallTime = std::chrono::system_clock::time_point;
using Wait = std::optional<std::chrono::milliseconds>;

/// "7.66s", "2m59.56s", "1h0m0s", "825ms", "12 seconds"; a bare number counts in `bare`. Reads what `text` begins with
/// and ignores the rest. Negative or absurd values are nothing.
Wait read_duration(std::string_view text, std::chrono::milliseconds bare = std::chrono::seconds(1));

/// A duration, or a point in time as seen from `now`: HTTP date, RFC 3339, seconds or milliseconds since 1970. What has
/// passed is zero.
Wait read_wait(std::string_view text, WallTime now);

}  // namespace sluice::openai

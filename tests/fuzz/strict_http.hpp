#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/http/head.hpp"

// A second parser of HTTP/1.1, for comparison: strict as ROBUSTNESS.md section 3 asks, and written from the grammar of
// RFC 9110 and 9112 in another way than the one under test. It sees whole messages, splits before it reads, allocates
// as it likes and shares no code with the gateway.
namespace sluice::fuzz {

struct StrictHead {
    std::string method;  ///< of a request
    std::string target;  ///< of a request, without the scheme and host of an absolute one
    int status = 0;      ///< of an answer
    std::string reason;  ///< of an answer
    int minor_version = 1;
    std::vector<std::pair<std::string, std::string>> fields;
    http::BodyKind body = http::BodyKind::none;
    std::uint64_t length = 0;
    bool keep_alive = true;
    std::size_t size = 0;
};

/// The head at the front of `bytes`; nothing if it is not whole, or not one that may be accepted.
std::optional<StrictHead> strict_request(std::string_view bytes, http::HeadLimits const& limits);
/// `to_head`: what is answered was a HEAD.
std::optional<StrictHead> strict_response(std::string_view bytes, http::HeadLimits const& limits, bool to_head);

/// host[:port], as a Host field may hold it.
bool strict_authority(std::string_view text);

struct StrictChunks {
    enum class End : std::uint8_t { done, incomplete, error };
    End end = End::incomplete;
    std::string payload;
    std::size_t consumed = 0;
};

/// Has no limits for extensions and trailers.
StrictChunks strict_chunks(std::string_view wire);

}  // namespace sluice::fuzz

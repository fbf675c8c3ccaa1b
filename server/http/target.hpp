#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::http {

enum class TargetError : std::uint8_t {
    no_path,      ///< `*` or `host:port`: no route can have it
    bad_escape,   ///< `%` without two hexadecimal digits, or an escaped control byte
    dot_segment,  ///< `.` or `..`, also when escaped: whoever is behind us might resolve it
};

/// The path as routes know it, and the query without its `?`.
struct NormalPath {
    std::string_view path;  ///< begins with `/`; no doubled and no trailing slash; escapes left as they were sent
    std::string_view query;
};

/// Splits off the query, collapses doubled slashes and drops a trailing one. All views lie in `target`, or in `scratch`
/// if the path had to be rewritten: the ordinary target costs no allocation.
std::expected<NormalPath, TargetError> normalise(std::string_view target, std::string& scratch);

/// An id out of a path, with its escapes resolved: `meta%2Fllama` and `meta/llama` are the same model. A `+` stays one.
std::expected<std::string, TargetError> decode_id(std::string_view raw);

}  // namespace sluice::http

#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_value.hpp"

namespace sluice::openai {

/// What an upstream says went wrong, in whichever shape it says so (README.md, "Error bodies"). Its own words: not yet
/// safe for a client or a log.
struct ErrorBody {
    std::string message;
    std::string code;  ///< a string or a number
    std::string param;
    std::vector<std::string> labels;  ///< everything that names the error: code, type, error_type, status ...
    std::optional<int> status;        ///< where the body repeats or replaces the HTTP status
    std::optional<std::chrono::milliseconds> retry_after;
    std::optional<bool> retryable;  ///< the upstream's word on another try
    bool moderated = false;         ///< content was refused by a filter
    std::string nested;             ///< JSON of a further upstream, quoted by a proxy

    bool labelled(std::string_view label) const;
};

/// Nothing when `root` has no shape that is known for errors.
std::optional<ErrorBody> read_error_body(JsonValue root);

/// The same for the description itself: the value of an `error` member, or a choice that failed.
ErrorBody read_error_value(JsonValue error);

/// The same for the text of an answer; whatever is no JSON is nothing.
std::optional<ErrorBody> parse_error_body(std::string_view text);

/// Adds what JSON quoted inside of `body` tells about the class of the error, one level deep. Such text is not shown to
/// anybody, so a message that is JSON becomes empty.
void unwrap(ErrorBody& body);

}  // namespace sluice::openai

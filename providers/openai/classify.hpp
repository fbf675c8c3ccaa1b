#pragma once

#include <chrono>
#include <optional>

#include "core/types/error.hpp"
#include "providers/openai/error_body.hpp"

namespace sluice::openai {

struct ErrorClass {
    ErrorKind kind = ErrorKind::upstream_server_error;
    std::optional<std::chrono::milliseconds> usual_wait{};  ///< known for this cause, where the upstream names none
    bool is_accident = false;  ///< of sampling: the same request may well succeed the next time
};

/// What an upstream's refusal is, by its names first and its status second (README.md, "Classes"). `status` is 0 where
/// there is none: an error inside a stream.
ErrorClass classify(int status, ErrorBody const& body);

}  // namespace sluice::openai

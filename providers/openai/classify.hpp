#pragma once

#include "core/types/error.hpp"
#include "providers/openai/error_body.hpp"

namespace sluice::openai {

/// The kind of an upstream's refusal, by its names first and its status second (README.md, "Classes"). `status` is 0
/// where there is none: an error inside a stream.
ErrorKind classify(int status, ErrorBody const& body);

}  // namespace sluice::openai

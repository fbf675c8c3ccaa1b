#pragma once

#include <string_view>

#include "core/json/json_value.hpp"
#include "core/pipeline/ports.hpp"
#include "core/types/error.hpp"
#include "providers/openai/durations.hpp"
#include "providers/openai/error_body.hpp"

namespace sluice::openai {

/// An answer with a status other than 2xx. `body` may be anything.
Error error_of_answer(int status, Headers const& headers, std::string_view body, WallTime now);

/// An error in the body of a 200, or in a stream.
Error error_in_body(ErrorBody body);

}  // namespace sluice::openai

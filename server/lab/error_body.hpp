#pragma once
#include <string>

#include "server/lab/options.hpp"

namespace sluice::lab {

struct ErrorFacts {
    unsigned status = 500;
    std::string message, type;
    std::string code;        ///< JSON text: a quoted string, a number or null
    std::string param;       ///< JSON text
    std::string retry_hint;  ///< seconds as text, for shapes that carry one; else empty
};

/// What `options` say about an error, completed with what is usual for the status.
ErrorFacts error_facts(Options const& options, unsigned status);

/// A body in one of the shapes that providers use. HTML and empty are shapes too.
std::string error_body(ErrorShape shape, ErrorFacts const& facts);
std::string_view error_content_type(ErrorShape shape);

}  // namespace sluice::lab

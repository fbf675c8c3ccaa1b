#pragma once

#include <string_view>

#include "core/types/usage.hpp"

namespace sluice::openai {

/// Whether an answer without any content is a failure: it claims to be complete, and nothing explains why it is empty.
/// `length` and `content_filter` are explanations, and so are output tokens that the provider counted: they went into
/// reasoning that it does not show.
constexpr bool is_unexplained(std::string_view finish_reason, Usage const& usage) {
    bool const claims_complete = finish_reason.empty() || finish_reason == "stop" || finish_reason == "tool_calls" ||
                                 finish_reason == "function_call";
    return claims_complete && !(usage.source == UsageSource::provider && usage.output > 0);
}

}  // namespace sluice::openai

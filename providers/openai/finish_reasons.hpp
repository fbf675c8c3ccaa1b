#pragma once

#include <string_view>

namespace sluice::openai {

/// What a choice has sent besides text.
enum class CallsSent : unsigned char { none, function_call, tool_calls };

/// OpenAI's word for a provider's reason to end; what is unknown stays. A choice that ended well although it calls
/// tools ended to call them. Views are static, or `reason`.
std::string_view finish_reason_for(std::string_view reason, CallsSent calls);

}  // namespace sluice::openai

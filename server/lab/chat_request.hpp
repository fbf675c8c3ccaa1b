#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::lab {

enum class ToolChoice : std::uint8_t { automatic, none, required, named };

/// What the lab needs to know of a chat request. The views point into the body or into buffers of this thread: they
/// hold until the next read on it.
struct ChatRequest {
    std::string_view model, last_role, last_user_text;
    bool stream = false, include_usage = false, logprobs = false, parallel_tool_calls = true;
    unsigned n = 1, top_logprobs = 0;
    std::optional<unsigned> max_tokens;
    std::size_t prompt_bytes = 0;  ///< of text in all messages
    ToolChoice tool_choice = ToolChoice::automatic;
    std::string_view tool_name;
    std::string_view tools, response_format, lab;  ///< raw JSON, empty where the request has none
};

/// The room simdjson wants behind the last byte of a body.
inline constexpr std::size_t body_padding = 64;

/// Reads `body`, whose allocation goes on for at least `body_padding` bytes. Errors: what is wrong, for a caller.
std::expected<ChatRequest, std::string> read_chat_request(std::string_view body);

}  // namespace sluice::lab

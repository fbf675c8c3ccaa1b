#pragma once

#include <string>

#include "core/types/chat_request.hpp"
#include "server/api/choice_headers.hpp"

namespace sluice::api {

/// Which session a request belongs to, as far as it says so.
struct SessionNames {
    std::string session{};  ///< empty: none
    std::string user{};     ///< "user:" and the body's `user`, which names a person rather than a session
    friend bool operator==(SessionNames const&, SessionNames const&) = default;
};

/// The first of these that is there names the session; one of more than 256 bytes means none, rather than a guess.
/// - `x-sluice-session`; `none` there: no session, whatever else is said
/// - `x-session-id`, `x-session-affinity`: OpenCode sends both (github anomalyco/opencode,
///   packages/opencode/src/session/llm/request.ts), OpenRouter reads the first
/// - `session_id`, `session-id`, `conversation_id`: Codex, by age (github openai/codex,
///   codex-rs/codex-api/src/requests/headers.rs)
/// - `x-claude-code-session-id`: Claude Code (code.claude.com/docs/en/llm-gateway-protocol)
/// - the body's `prompt_cache_key` (OpenAI; Codex sets it to the session), then `session_id` (OpenRouter)
/// All read 2026-11.
SessionNames read_session(ChatRequest const& chat, ChoiceHeaders const& headers);

}  // namespace sluice::api

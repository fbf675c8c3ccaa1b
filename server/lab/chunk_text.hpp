#pragma once
#include <string>

#include "server/lab/content.hpp"
#include "server/lab/piece.hpp"

namespace sluice::lab {

// The JSON of answers, written by hand: fast, and with members in the order that providers write them.

/// `{"prompt_tokens":..,..}`
std::string usage_json(TokenCounts const& usage);

/// Thoughts as a part of the content: Mistral's form.
std::string thinking_part(std::string_view text);
/// Thoughts as members of a message or delta, without braces.
std::string reasoning_members(Options const& options, std::string_view text);

struct ChunkParts {
    std::string choices = {};  ///< what stands between the brackets
    std::string usage = {};    ///< JSON, or empty for no member
    std::string extra = {};    ///< more members, each starting with a comma
    bool anonymous = false;    ///< Azure's placeholder: empty id and model
};
std::string chunk_json(Identity const& identity, Options const& options, ChunkParts const& parts);

struct ChoiceParts {
    std::size_t index = 0;
    std::string delta = "{}";
    std::string finish_reason = {};  ///< empty: null
    std::string logprobs = {};       ///< JSON, or empty for no member
    std::string extra = {};
};
std::string choice_json(ChoiceParts const& parts);

std::string logprobs_json(std::vector<std::string> const& tokens, unsigned top);

/// The whole answer to a request that does not stream.
std::string completion_json(Identity const& identity, Options const& options, ChatRequest const& request,
                            Content const& content);

}  // namespace sluice::lab

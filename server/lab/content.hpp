#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "server/lab/chat_request.hpp"
#include "server/lab/options.hpp"

namespace sluice::lab {

struct ToolCall {
    std::string id, name, arguments;
};

/// One of the `n` answers, cut into what the lab calls tokens: a word with the space before it.
struct Choice {
    std::vector<std::string> reasoning, words;
    std::vector<ToolCall> tool_calls;
    std::string finish_reason;
};

struct TokenCounts {
    std::uint64_t prompt = 0, completion = 0, reasoning = 0;
    bool operator==(TokenCounts const&) const = default;
};

/// What an answer says, before anything decides how it travels.
struct Content {
    std::vector<Choice> choices;
    TokenCounts usage;
};

inline constexpr std::size_t tool_token_bytes = 4;

/// A pure function of its arguments. `word_bytes` > 0 makes every word that long.
Content make_content(ChatRequest const& request, Options const& options, Random& random, std::size_t word_bytes);

std::string joined(std::vector<std::string> const& words);
std::vector<std::string> split_words(std::string_view text);

}  // namespace sluice::lab

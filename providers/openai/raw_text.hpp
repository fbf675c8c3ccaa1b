#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::openai {

/// A text that arrives as pieces of JSON strings, kept with their escapes: half of a surrogate pair may end one piece.
class RawText {
public:
    static constexpr std::size_t most = 1024 * 1024;  ///< bytes kept of one stream

    /// `piece`: the inside of a JSON string.
    void append(std::string_view piece);
    bool empty() const { return raw_.empty(); }

    /// All of it, without escapes. Nothing when it was too long, or has half a surrogate pair.
    std::optional<std::string> whole() const;

private:
    std::string raw_;
    bool too_long_ = false;
};

/// How much of `raw`, the inside of a JSON string, does not end in the first half of a surrogate pair.
std::size_t whole_characters(std::string_view raw);

}  // namespace sluice::openai
